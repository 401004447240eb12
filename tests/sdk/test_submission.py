"""A submit whose answers are lost makes one queued task."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import queueing
from elsewhere import submission
from elsewhere.contract.errors import ServerUnreachable
from elsewhere.contract.outcome import Exited
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.contract.terms import Terms
from elsewhere.store.redis import RedisStore
from elsewhere.submission import submit
from tests.cli.swallow import Swallower, swallowing

NEW = NewTask("digits", "svm-once", TaskSpec(Entry("train.py")))
PAYLOAD = b"the-diff" * 100
STEPS = pytest.mark.parametrize(
    "step", [b"the-diff", b"svm-once", b"night"], ids=["blob", "create", "enqueue"]
)


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Swallower]:
    with swallowing(redis_url) as opened:
        yield opened


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    """The way to the server that loses nothing."""
    opened = RedisStore(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def shaky(proxy: Swallower) -> Iterator[RedisStore]:
    """The way on which answers get lost."""
    opened = RedisStore(proxy.url)
    opened.connection.ping()
    yield opened
    opened.close()


def queued(store: RedisStore) -> list[TaskRecord]:
    """All tasks; what stands in the queue must agree."""
    tasks = store.newest()
    line = [task_id.decode() for task_id in store.connection.lrange("rq:queue:night", 0, -1)]
    assert sorted(line) == sorted(task.id for task in tasks if task.status is Status.QUEUED)
    return tasks


@STEPS
@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_that_is_lost_at_any_step_makes_one_queued_task(
    step: bytes, times: int, proxy: Swallower, shaky: RedisStore, store: RedisStore
) -> None:
    proxy.swallow(step, times)
    sent = submit(shaky, NEW, [PAYLOAD], "night", submission="k")
    assert proxy.swallowed == times
    (task,) = queued(store)
    assert sent == (task, 0)
    assert (task.status, task.queue) == (Status.QUEUED, "night")
    assert [event.kind for event in store.events(task.id)] == ["created", "queued"]
    assert store.get_blob(store.put_blob(PAYLOAD)) == PAYLOAD


@STEPS
def test_a_submit_that_gave_up_is_finished_by_its_key(
    step: bytes,
    proxy: Swallower,
    shaky: RedisStore,
    store: RedisStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submission, "FIRST_PAUSE_SECONDS", 0.01)
    proxy.swallow(step, 1000)
    with pytest.raises(ServerUnreachable, match="whether the task was queued before that is not known"):
        submit(shaky, NEW, [PAYLOAD], "night", submission="k")
    assert proxy.swallowed == submission.TRIES
    sent = submit(store, NEW, [PAYLOAD], "night", submission="k")
    assert [sent.task] == queued(store)
    assert sent.task.status is Status.QUEUED


def test_a_task_that_was_taken_before_its_submit_heard_is_left_running(
    proxy: Swallower, shaky: RedisStore, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_meanwhile(_: float) -> None:
        (task,) = store.newest()
        queueing.take_task(store.connection, "box", task.id, 60.0)

    monkeypatch.setattr(submission.time, "sleep", take_meanwhile)
    proxy.swallow(b"night")
    sent = submit(shaky, NEW, [], "night", submission="k")
    assert (sent.task.status, sent.task.attempt, sent.position) == (Status.IN_PROGRESS, 1, 0)
    assert len(store.newest()) == 1


def test_the_key_of_a_run_that_has_ended_starts_no_other(store: RedisStore) -> None:
    task = submit(store, NEW, [], "night", submission="k").task
    claim = queueing.take_task(store.connection, "box", task.id, 60.0)
    queueing.commit(store.connection, claim.lease, Exited(0))
    again = submit(store, NEW, [], "night", submission="k")
    assert (again.task.id, again.task.status) == (task.id, Status.COMPLETED)
    assert len(store.newest()) == 1


def test_each_key_makes_a_task_and_the_position_is_told(store: RedisStore) -> None:
    sent = [submit(store, NEW, [], "night", submission=key) for key in "abc"]
    assert [one.position for one in sent] == [0, 1, 2]
    later = NewTask("digits", "svm", NEW.spec, terms=Terms(run_at=4e9))
    waiting = submit(store, later, [], "night", submission="d")
    assert (waiting.position, waiting.task.waits_for) == (0, "until 2096-10-02T07:06:40Z")


def test_a_server_that_is_gone_is_not_asked_for_ever(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(submission.time, "sleep", pauses.append)
    with swallowing(redis_url) as proxy:
        store = RedisStore(proxy.url)
    with pytest.raises(ServerUnreachable):
        submit(store, NEW, [], "night", submission="k")
    assert pauses == [0.2, 0.4, 0.8]
    store.close()
