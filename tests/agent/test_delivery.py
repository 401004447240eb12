"""Through journal and sender, what an attempt built and measured comes to the store exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import queueing
from agent.config import AttemptConfig
from agent.finish import finish
from agent.journal import Entry, Journal
from agent.journaled import JournaledTask
from agent.line import AgentLine
from agent.stream import Sender
from elsewhere.contract.built import Built
from elsewhere.contract.errors import ServerUnreachable
from elsewhere.contract.outcome import Exited
from elsewhere.contract.series import Points, Scalars
from elsewhere.contract.spec import Entry as Command
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.settings import find_folders
from elsewhere.store.redis import RedisStore

BUILT = Built("key", "3.11.7", ("numpy==2.0",))


@pytest.fixture
def line(valkey_url: str, tmp_path: Path, elsewhere_home: Path) -> AgentLine:
    """The line of an attempt at a task that was just claimed."""
    config = AttemptConfig(valkey_url, find_folders(), tmp_path / "state", 5.0, 20.0, 1.0)
    probe = RedisStore(valkey_url)
    task = probe.create(NewTask("p", "n", TaskSpec(Command("train.py"))))
    probe.enqueue(task.id, "q")
    claim = queueing.take_task(probe.connection, "box", task.id, 60.0)
    assert claim is not None
    return AgentLine(config, claim.lease)


def losing_answers(deliver: Callable[[Entry, int], None]) -> Callable[[Entry, int], None]:
    """Every entry arrives, and of every first call the answer is lost."""
    known: set[int] = set()

    def lossy(entry: Entry, skipped: int) -> None:
        deliver(entry, skipped)
        if entry.sequence not in known:
            known.add(entry.sequence)
            raise ServerUnreachable("the answer was lost")

    return lossy


def test_what_was_built_and_measured_arrives_once_although_answers_are_lost(
    line: AgentLine, tmp_path: Path
) -> None:
    task_id = line.store.newest()[0].id
    journal = Journal(tmp_path / "journal")
    task = JournaledTask(line.store, journal, line.store.get(task_id))
    sender = Sender(journal, losing_answers(line.deliver))
    task.record_event("environment")
    task.record_built(BUILT)
    for number in range(3):
        task.add_scalars([Scalars(":monitor:cpu", "percent", Points.of([(number, number / 2, 1.5)]))])
        journal.append("output", b"line\n")
    sender.start()
    assert finish(Exited(0), journal, sender, line) == Exited(0)
    assert line.store.built(task_id) == BUILT
    (series,) = line.store.scalars(task_id)
    assert list(series.points.values) == [0.0, 0.5, 1.0]
    assert [chunk.data for chunk in line.store.read_log(task_id)[:3]] == [b"line\n"] * 3
    assert line.store.get(task_id).status is Status.COMPLETED
