from __future__ import annotations

import threading
import time

import redis

from elsewhere.contract import keys
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from queueing import Reaped, reap, take_task


def reap_next(connection: redis.Redis, **options: int) -> list[Reaped]:
    """Reap until a lease is over."""
    deadline = time.monotonic() + 10
    while not (reaped := reap(connection, **options)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return reaped


def test_a_live_lease_is_left_alone(connection: redis.Redis, put_task, take_one) -> None:
    put_task()
    take_one(seconds=60)
    assert reap(connection) == []


def test_a_lost_task_goes_back_to_the_front_of_its_queue(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    first, second = put_task(), put_task()
    take_one("dead", seconds=0.01)
    assert reap_next(connection) == [Reaped(first, 1, "dead", "requeued")]
    task = store.get(first)
    assert (task.status, task.lost_attempts) == (Status.QUEUED, 1)
    assert [event.kind for event in store.events(first)][-1] == "requeued"
    [note] = store.read_log(first)
    assert (note.kind, note.attempt) == ("note", 1)
    assert note.data == b"attempt 1 on dead was lost; the task is back in the queue\n"
    assert [take_one("alive").lease.task_id for _ in range(2)] == [first, second]


def test_a_task_that_loses_three_agents_in_a_row_is_poisoned(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task()
    ends = []
    for _ in range(3):
        take_one("dead", seconds=0.01)
        ends += [reaped.end for reaped in reap_next(connection)]
    assert ends == ["requeued", "requeued", "poisoned"]
    task = store.get(task_id)
    assert (task.status, task.lost_attempts, task.attempt) == (Status.FAILED, 3, 3)
    assert "poisoned: 3 attempts" in task.status_message
    assert [chunk.kind for chunk in store.read_log(task_id)] == ["note", "note", "end"]
    draft = store.move(task_id, Status.CREATED, expected=Status.FAILED)
    assert (draft.lost_attempts, draft.attempt) == (0, 3)


def test_how_many_losses_poison_is_the_callers_to_say(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    put_task()
    take_one(seconds=0.01)
    assert [reaped.end for reaped in reap_next(connection, poisoned_after=1)] == ["poisoned"]


def test_a_lost_task_that_somebody_had_asked_to_stop_is_stopped(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    task_id = put_task()
    take_one("dead", seconds=0.01)
    store.request_stop(task_id, StopRequest("ada of desk 3", 2.0))
    assert [reaped.end for reaped in reap_next(connection, poisoned_after=1)] == ["stopped"]
    task = store.get(task_id)
    assert task.status is Status.STOPPED
    assert task.status_message == "stopped by ada of desk 3; attempt 1 on dead was lost"
    assert [chunk.kind for chunk in store.follow_log(task_id)] == ["end"]


def test_a_lost_task_without_a_queue_fails_and_says_why(
    connection: redis.Redis, store: RedisStore, make_draft
) -> None:
    task_id = make_draft()
    take_task(connection, "here", task_id, 0.01)
    assert [reaped.end for reaped in reap_next(connection)] == ["failed"]
    assert "stands in no queue" in store.get(task_id).status_message


def test_each_lost_attempt_is_reaped_by_one_of_many(
    connection: redis.Redis, store: RedisStore, put_task, take_one, until
) -> None:
    ids = {put_task() for _ in range(250)}
    for _ in ids:
        take_one("dead", seconds=0.01)
    until(lambda: not live(connection))
    reaped: list[Reaped] = []
    threads = [threading.Thread(target=lambda: reaped.extend(reap(connection))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reaped) == 250
    assert {one.task_id for one in reaped} == ids
    assert {store.get(task_id).lost_attempts for task_id in ids} == {1}


def live(connection: redis.Redis) -> int:
    seconds, micro = connection.time()
    return connection.zcount(keys.LEASES, seconds * 1000 + micro // 1000, "+inf")
