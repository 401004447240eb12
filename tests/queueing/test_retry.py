from __future__ import annotations

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import LateWrite
from elsewhere.contract.outcome import Exited, NeverRan, Step, Stopped
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from queueing import commit, promote, put, reap, take_task


def notes(store: RedisStore, task_id: str) -> list[str]:
    return [chunk.data.decode() for chunk in store.read_log(task_id) if chunk.kind == "note"]


def test_a_failed_script_is_run_again_as_often_as_agreed(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task(retries=2, backoff_seconds=0.0)
    for used in (1, 2):
        assert commit(connection, take_one().lease, Exited(3, "ValueError: x")) is Status.QUEUED
        task = store.get(task_id)
        assert (task.status, task.retries_used, task.exit_code, task.ended) == (
            Status.QUEUED,
            used,
            None,
            None,
        )
    assert commit(connection, take_one().lease, Exited(3, "ValueError: x")) is Status.FAILED
    assert notes(store, task_id) == [
        "exit code 3: attempt 2 of 3 follows at once\n",
        "exit code 3: attempt 3 of 3 follows at once\n",
    ]
    kinds = [chunk.kind for chunk in store.read_log(task_id)]
    assert kinds == ["note", "note", "end"]
    assert [event.kind for event in store.events(task_id)].count("requeued") == 2
    draft = store.move(task_id, Status.CREATED, expected=Status.FAILED)
    assert (draft.retries_used, draft.terms.retries) == (0, 2)


def test_the_wait_before_a_retry_doubles(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task(retries=3, backoff_seconds=10.0)
    waits = []
    for _ in range(3):
        commit(connection, take_one().lease, Exited(-11))
        before = connection.time()[0]
        waits.append(connection.zscore(keys.rq_scheduled("default"), task_id) - before)
        assert store.get(task_id).waits_for.startswith("until ")
        assert connection.llen(keys.rq_queue("default")) == 0
        connection.zadd(keys.rq_scheduled("default"), {task_id: before})
        assert promote(connection) is None
    assert waits == [pytest.approx(wait, abs=2) for wait in (10, 20, 40)]
    assert notes(store, task_id)[2] == "the script was killed by SIGSEGV: attempt 4 of 4 follows in 40 s\n"


def test_a_retry_is_said_once_however_often_it_is_committed(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task(retries=1, backoff_seconds=0.0)
    lease = take_one().lease
    assert [commit(connection, lease, Exited(1)) for _ in range(2)] == [Status.QUEUED] * 2
    again = take_one("other").lease
    # Its answer may arrive nowhere for as long as it likes.
    assert commit(connection, lease, Exited(1)) is Status.QUEUED
    with pytest.raises(LateWrite):
        commit(connection, lease, Exited(0))
    assert len(notes(store, task_id)) == 1
    assert commit(connection, again, Exited(0)) is Status.COMPLETED
    assert store.get(task_id).retries_used == 1


def test_only_a_script_that_failed_by_itself_is_run_again(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    for outcome, status in (
        (NeverRan(Step.LAUNCH, "no python"), Status.FAILED),
        (Stopped("ada"), Status.STOPPED),
        (Exited(0), Status.COMPLETED),
    ):
        put_task(retries=5)
        assert commit(connection, take_one().lease, outcome) is status
    task_id = put_task(retries=5)
    lease = take_one().lease
    store.request_stop(task_id, StopRequest("ada"))
    assert commit(connection, lease, Exited(1)) is Status.FAILED


def test_a_draft_executed_without_a_queue_has_none_to_be_run_again_from(
    connection: redis.Redis, make_draft
) -> None:
    lease = take_task(connection, "here", make_draft(retries=5), 20).lease
    assert commit(connection, lease, Exited(1)) is Status.FAILED


def test_lost_attempts_do_not_use_up_retries_and_a_failure_ends_their_row(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task(retries=1, backoff_seconds=0.0)
    for _ in range(2):
        connection.zadd(keys.LEASES, {take_one().lease.task_id: 1})
        assert [reaped.end for reaped in reap(connection)] == ["requeued"]
    assert (store.get(task_id).lost_attempts, store.get(task_id).retries_used) == (2, 0)
    commit(connection, take_one().lease, Exited(1))
    assert (store.get(task_id).lost_attempts, store.get(task_id).retries_used) == (0, 1)


def test_children_wait_until_a_retry_has_succeeded(
    connection: redis.Redis, store: RedisStore, make_draft, put_task, take_one
) -> None:
    parent = put_task(retries=1, backoff_seconds=0.0)
    child = make_draft(parents=(parent,))
    put(store, child, "default")
    commit(connection, take_one().lease, Exited(1))
    assert store.get(child).waits_for == f"for parent {parent}"
    commit(connection, take_one().lease, Exited(0))
    assert take_one().lease.task_id == child


def test_a_child_of_a_poisoned_parent_is_stopped(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    parent = put_task()
    child = put_task(parents=(parent,))
    connection.zadd(keys.LEASES, {take_one().lease.task_id: 1})
    reap(connection, poisoned_after=1)
    assert store.get(child).status_message == f"parent failed: {parent}"
