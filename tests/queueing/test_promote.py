from __future__ import annotations

import threading

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.lease import Offer
from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from queueing import Bell, promote, take, take_task


def now(connection: redis.Redis) -> float:
    seconds, micro = connection.time()
    return seconds + micro / 1e6


def make_due(connection: redis.Redis, task_id: str, queue: str = "default") -> None:
    """As if the time had passed."""
    assert connection.zadd(keys.rq_scheduled(queue), {task_id: 1.0}, xx=True, ch=True)


def test_a_task_is_not_taken_before_its_time_and_is_after_it(
    connection: redis.Redis, store: RedisStore, put_task, until
) -> None:
    task_id = put_task(run_at=now(connection) + 0.3)
    assert take(connection, "box", ["default"], Offer(), 20) is None
    seconds = promote(connection)
    assert seconds is not None
    assert 0 < seconds <= 0.3
    until(lambda: promote(connection) is None)
    assert now(connection) >= store.get(task_id).terms.run_at
    assert store.get(task_id).waits_for == ""
    claim = take(connection, "box", ["default"], Offer(), 20)
    assert claim is not None
    assert claim.lease.task_id == task_id
    kinds = [event.kind for event in store.events(task_id)]
    assert kinds == ["created", "queued", "queued", "claimed"]


def test_the_next_due_time_is_told_over_all_queues(connection: redis.Redis, put_task) -> None:
    assert promote(connection) is None
    put_task("a", run_at=now(connection) + 500)
    put_task("b", run_at=now(connection) + 100)
    assert promote(connection) == pytest.approx(100, abs=5)


def test_a_promoted_task_rings_and_stands_by_its_priority(
    connection: redis.Redis, put_task, take_one
) -> None:
    low, late = put_task(), put_task(priority=1, run_at=now(connection) + 500)
    bell = Bell(connection, "box", ["default"])
    bell.wait(1)
    make_due(connection, late)
    promote(connection)
    bell.wait(10)
    bell.close()
    assert [take_one().lease.task_id for _ in range(2)] == [late, low]


def test_whoever_begins_to_wait_wakes_those_who_promote(connection: redis.Redis, put_task) -> None:
    before = connection.xlen(keys.queue_wake("default"))
    put_task(run_at=now(connection) + 500)
    assert connection.xlen(keys.queue_wake("default")) == before + 1


def test_each_of_many_due_tasks_is_promoted_once_by_racing_agents(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    ids = [put_task(run_at=now(connection) + 500) for _ in range(250)]
    for task_id in ids:
        make_due(connection, task_id)
    threads = [threading.Thread(target=promote, args=(connection,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line = [item.decode() for item in connection.lrange(keys.rq_queue("default"), 0, -1)]
    assert sorted(line) == sorted(ids)
    assert promote(connection) is None


def test_ids_that_wait_for_nothing_are_dropped(connection: redis.Redis, store: RedisStore, put_task) -> None:
    task_id = put_task(run_at=now(connection) + 500)
    store.move(task_id, Status.CREATED, expected=Status.QUEUED)
    assert promote(connection) is None
    connection.zadd(keys.rq_scheduled("default"), {task_id: 1.0, "ghost": 1.0})
    assert promote(connection) is None
    assert connection.llen(keys.rq_queue("default")) == 0


def test_a_waiting_task_can_be_executed_at_once(connection: redis.Redis, store: RedisStore, put_task) -> None:
    parent = put_task()
    for terms in ({"run_at": now(connection) + 500}, {"parents": (parent,)}):
        task_id = put_task(**terms)
        assert take_task(connection, "here", task_id, 20).task.waits_for == ""
    assert promote(connection) is None
    assert not connection.exists(keys.rq_deferred("default"), keys.task_children(parent))
