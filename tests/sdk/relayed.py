"""A task in its attempt, in this very process: behind a real relay, journal and sender."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.journal import Entry, Journal
from agent.journaled import JournaledTask
from agent.relay import RelayServer, attempt_calls
from agent.stream import Sender
from elsewhere import bound
from elsewhere.bound import Bound
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry as Command
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.contract.write import decode_write
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore
from elsewhere.task import Task

SPEC = TaskSpec(Command("train.py"))


def new_task(**fields: Any) -> NewTask:
    return NewTask("digits", "svm", SPEC, **fields)


@dataclass
class Relayed:
    """What the script has, and what is behind it."""

    task: Task
    store: MemoryStore
    journal: Journal
    record: TaskRecord
    came: threading.Condition
    numbers: list[int]
    """Of the entries that came to the store."""

    def arrived(self) -> TaskRecord:
        """The task in the store, once all that was written is there."""
        self.task._place.flush()
        with self.came:
            assert self.came.wait_for(lambda: len(self.numbers) == self.journal.last, 60), self.numbers
        return self.store.get(self.record.id)


@contextmanager
def relayed(patch: pytest.MonkeyPatch, store: MemoryStore, task_id: str) -> Iterator[Relayed]:
    """An attempt at the task, which must be a draft."""
    record = store.move(task_id, Status.IN_PROGRESS, expected=Status.CREATED)
    lease = Lease(record.id, record.attempt, "box", 20.0)
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    journal = Journal(folder / "journal")
    came, numbers = threading.Condition(), list[int]()

    def bring(entry: Entry, skipped: int) -> None:
        write = decode_write(entry.data)
        deliver(store, record.id, write, attempt=record.attempt, sequence=entry.sequence)
        with came:
            numbers.append(entry.sequence)
            came.notify_all()

    sender = Sender(journal, bring)
    calls = attempt_calls(JournaledTask(store, journal, record), lease, set())
    patch.setenv("ELSEWHERE_RELAY", str(folder / "s"))
    patch.setenv("ELSEWHERE_TASK_ID", record.id)
    patch.setattr(bound, "_relay", None)
    with RelayServer(folder / "s", calls=calls):
        sender.start()
        place = Bound()
        yield Relayed(Task(place), store, journal, record, came, numbers)
        place.close()
    journal.close()
    shutil.rmtree(folder)
