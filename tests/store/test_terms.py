"""On what terms a task was submitted: kept, and followed on its way into the queue."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

import pytest

from elsewhere.contract.errors import TaskNotFound, UsageError
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, StopRequest, TaskRecord
from elsewhere.contract.terms import Limits, Terms
from elsewhere.store.protocol import Store

Draft = Callable[..., TaskRecord]
A_DAY = 86400.0


@pytest.fixture
def make_draft(store: Store, new: NewTask) -> Draft:
    def make(**terms: object) -> TaskRecord:
        return store.create(dataclasses.replace(new, terms=Terms(**terms)))  # type: ignore[arg-type]

    return make


@pytest.fixture
def put_task(store: Store, make_draft: Draft) -> Callable[..., str]:
    def put_one(**terms: object) -> str:
        task = make_draft(**terms)
        store.enqueue(task.id, "q")
        return task.id

    return put_one


def order(store: Store, ids: list[str]) -> list[str]:
    """Tasks that stand in the queue, by their positions."""
    return sorted(ids, key=lambda task_id: store.enqueue(task_id, "q"))


def complete(store: Store, task_id: str, target: Status = Status.COMPLETED) -> None:
    """Run a queued task or a draft at the desk, to its end."""
    store.move(task_id, Status.IN_PROGRESS, expected=store.get(task_id).status)
    store.move(task_id, target, expected=Status.IN_PROGRESS)


def test_every_term_comes_back_as_it_was_agreed(store: Store, make_draft: Draft) -> None:
    terms = Terms(-3, 1.5, ("a" * 32, "b" * 32), 4, 0.25, 3600.0, Limits(2**36 + 1, 1.5))
    task = make_draft(**{field.name: getattr(terms, field.name) for field in dataclasses.fields(terms)})
    assert store.get(task.id).terms == terms
    closed = store.move(task.id, Status.CLOSED, expected=Status.CREATED)
    assert store.move(closed.id, Status.CREATED, expected=Status.CLOSED).terms == terms


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retries", -1),
        ("backoff_seconds", math.nan),
        ("backoff_seconds", -1.0),
        ("run_at", math.inf),
        ("timeout_seconds", 0.0),
        ("parents", ("not an id",)),
        ("priority", 2**40),
        ("limits", Limits(cpus=0.0)),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_name(
    store: Store, make_draft: Draft, name: str, value: object
) -> None:
    with pytest.raises(UsageError, match=name):
        make_draft(**{name: value})
    assert store.newest() == []


def test_higher_priorities_stand_first_and_equal_ones_in_order_of_arrival(
    store: Store, put_task: Callable[..., str]
) -> None:
    priorities = [0, 5, 0, -2, 5, 7, 0, -2, 1]
    ids = [put_task(priority=priority) for priority in priorities]
    expected = sorted(range(len(ids)), key=lambda number: -priorities[number])
    assert order(store, ids) == [ids[number] for number in expected]


def test_an_urgent_task_goes_before_very_many(store: Store, put_task: Callable[..., str]) -> None:
    high = put_task(priority=2)
    low = [put_task() for _ in range(700)]
    urgent = store.get(put_task(priority=1)).id
    assert order(store, [low[0], urgent, low[-1], high]) == [high, urgent, low[0], low[-1]]


def test_a_task_waits_for_its_time(store: Store, make_draft: Draft) -> None:
    task = make_draft(run_at=time.time() + A_DAY)
    assert store.enqueue(task.id, "q") == 0
    stands = store.get(task.id)
    assert (stands.status, stands.queue) == (Status.QUEUED, "q")
    assert stands.waits_for == time.strftime("until %Y-%m-%dT%H:%M:%SZ", time.gmtime(stands.terms.run_at))
    assert store.enqueue(make_draft().id, "q") == 0
    assert store.enqueue(task.id, "q") == 1


def test_a_time_that_has_passed_is_not_waited_for(store: Store, put_task: Callable[..., str]) -> None:
    assert store.get(put_task(run_at=1.0)).waits_for == ""


def test_a_time_beyond_the_calendar_is_still_one(store: Store, put_task: Callable[..., str]) -> None:
    assert store.get(put_task(run_at=1e300)).waits_for == "until 9999-12-31T23:59:59Z"


def test_a_child_enters_the_queue_when_all_its_parents_have_completed(
    store: Store, make_draft: Draft, put_task: Callable[..., str]
) -> None:
    first, second, done = put_task(), make_draft().id, make_draft().id
    complete(store, done)
    child = put_task(parents=(first, second, done, first))
    assert store.get(child).waits_for == f"for parent {first} and 1 more"
    complete(store, first)
    assert store.get(child).waits_for == f"for parent {second}"
    other = put_task()
    complete(store, second)
    assert (store.get(child).status, store.get(child).waits_for) == (Status.QUEUED, "")
    assert order(store, [child, other]) == [other, child]
    assert [event.kind for event in store.events(child)] == ["created", "queued", "queued"]


def test_a_child_whose_parents_have_completed_still_waits_for_its_time(
    store: Store, put_task: Callable[..., str]
) -> None:
    parent = put_task()
    child = put_task(parents=(parent,), run_at=time.time() + A_DAY)
    assert store.get(child).waits_for.startswith("for parent")
    complete(store, parent)
    assert store.get(child).waits_for.startswith("until ")


def test_parents_that_are_all_completed_are_not_waited_for(
    store: Store, make_draft: Draft, put_task: Callable[..., str]
) -> None:
    parent, published = make_draft().id, make_draft().id
    for task_id in (parent, published):
        complete(store, task_id)
    store.move(published, Status.PUBLISHED, expected=Status.COMPLETED)
    assert store.get(put_task(parents=(parent, published))).waits_for == ""


@pytest.mark.parametrize("end", [Status.FAILED, Status.STOPPED, Status.CLOSED], ids=str)
def test_a_parent_that_ends_otherwise_stops_all_its_descendants(
    store: Store, put_task: Callable[..., str], end: Status
) -> None:
    root = put_task()
    left, right = put_task(parents=(root,)), put_task(parents=(root,))
    bottom = put_task(parents=(left, right), run_at=time.time() + A_DAY)
    stranger = put_task()
    complete(store, root, end)
    for child in (left, right):
        assert store.get(child).status_message == f"parent failed: {root}"
    assert store.get(bottom).status_message in {f"parent failed: {parent}" for parent in (left, right)}
    for task_id in (left, right, bottom):
        task = store.get(task_id)
        assert (task.status, task.waits_for, task.exit_code) == (Status.STOPPED, "", None)
        assert task.ended is not None
        assert [chunk.kind for chunk in store.follow_log(task_id)] == ["end"]
        assert [event.kind for event in store.events(task_id)] == ["created", "queued", "ended"]
    assert store.get(stranger).status is Status.QUEUED


def test_a_child_of_a_failed_parent_is_stopped_at_once(store: Store, make_draft: Draft) -> None:
    parent = make_draft().id
    complete(store, parent, Status.FAILED)
    child = make_draft(parents=(parent,)).id
    store.enqueue(child, "q")
    assert store.get(child).status_message == f"parent failed: {parent}"
    # Its answer may have been lost.
    store.enqueue(child, "q")
    assert [chunk.kind for chunk in store.read_log(child)] == ["end"]
    assert store.enqueue(make_draft().id, "q") == 0


def test_a_child_of_nobody_is_refused_and_stays_a_draft(store: Store, make_draft: Draft) -> None:
    child = make_draft(parents=("0" * 32,))
    with pytest.raises(TaskNotFound, match="0" * 32):
        store.enqueue(child.id, "q")
    assert store.get(child.id).status is Status.CREATED


def test_a_waiting_task_can_be_stopped_dequeued_and_run_at_the_desk(
    store: Store, put_task: Callable[..., str]
) -> None:
    parent = put_task()
    stopped, dequeued, ran = (put_task(parents=(parent,)) for _ in range(3))
    store.request_stop(stopped, StopRequest("ada"))
    assert store.move(dequeued, Status.CREATED, expected=Status.QUEUED).waits_for == ""
    assert store.move(ran, Status.IN_PROGRESS, expected=Status.QUEUED).waits_for == ""
    complete(store, parent)
    statuses = [store.get(task_id).status for task_id in (stopped, dequeued, ran)]
    assert statuses == [Status.STOPPED, Status.CREATED, Status.IN_PROGRESS]
    assert store.enqueue(dequeued, "q") == 0
