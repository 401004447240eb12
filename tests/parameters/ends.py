"""The two ends of a parameter's way in one process: a task that runs at a desk, and its attempt behind a Relay."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from direct_task import DirectTask

from agent.relay import RelayServer, attempt_calls
from elsewhere import bound
from elsewhere.bound import Bound
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, NewTask, TaskRecord
from elsewhere.contract.write import Write, decode_write, encode_write
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore
from elsewhere.store.relay import RelayStore
from elsewhere.stored import Stored
from elsewhere.task import Task


class AtDesk(Stored):
    """A task of the store that this process runs: what is written of it takes the way of bytes."""

    live = True

    def write(self, write: Write) -> None:
        deliver(self.store(), self.id, decode_write(encode_write(write)))


def begun(store: MemoryStore, new: NewTask) -> TaskRecord:
    return store.move(store.create(new).id, Status.IN_PROGRESS, expected=Status.CREATED)


def at_desk(store: MemoryStore | None = None) -> Task:
    store = store or MemoryStore()
    record = begun(store, NewTask("digits", "svm", TaskSpec(Entry("train.py"))))
    return Task(AtDesk(store, record.id))


class Relayed:
    """A relay server, and the one task at a time that stands behind it."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.store = MemoryStore()
        self.used: set[str] = set()
        self.task_id = ""
        self._server: RelayServer | None = None

    def attempt(self, task: Task, by_hand: dict[str, JSONValue] | None = None) -> Task:
        """The task as its attempt sees it, with values that somebody set over it."""
        return self.again(task._place.record(), by_hand)

    def again(
        self, record: TaskRecord, by_hand: dict[str, JSONValue] | None = None, kept: Sequence[str] = ()
    ) -> Task:
        """An attempt at a task like ``record``."""
        values = {**record.parameters, **(by_hand or {})}
        info = {name: about for name, about in record.parameter_info.items() if name not in (by_hand or {})}
        new = NewTask(
            "digits",
            "svm",
            record.spec,
            values,
            (*kept, *(by_hand or ())),
            parameter_info=info,
        )
        self.close()
        begin = begun(self.store, new)
        lease = Lease(begin.id, begin.attempt, "box", 20.0)
        self.used.clear()
        calls = attempt_calls(DirectTask(self.store, lease), lease, self.used)
        self._server = RelayServer(self.socket, calls=calls)
        self._server.__enter__()
        bound._relay = RelayStore(str(self.socket))
        os.environ["ELSEWHERE_TASK_ID"] = self.task_id = begin.id
        return Task(Bound())

    @property
    def record(self) -> TaskRecord:
        """What the store holds of the attempt's task."""
        return self.store.get(self.task_id)

    def close(self) -> None:
        if self._server is not None:
            if bound._relay is not None:
                bound._relay.close()
            self._server.__exit__(None, None, None)
            self._server = None


@contextmanager
def relayed() -> Iterator[Relayed]:
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    end = Relayed(folder / "s")
    with patch.object(bound, "_relay", None), patch.dict(os.environ):
        try:
            yield end
        finally:
            end.close()
            shutil.rmtree(folder)


def same(one: object, other: object) -> bool:
    """Whether two values are equal, and of equal types through and through; NaN is itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))  # type: ignore[arg-type]
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, complex) and isinstance(other, complex):
        return same((one.real, one.imag), (other.real, other.imag))
    return one == other
