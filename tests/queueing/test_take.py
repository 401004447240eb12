from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import IllegalMove, TaskNotFound
from elsewhere.contract.lease import Lease, Offer
from elsewhere.contract.spec import Needs
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import is_paused, pause, put, resume, take, take_task


def test_a_taken_task_belongs_to_its_agent(connection: redis.Redis, store: RedisStore, put_task) -> None:
    task_id = put_task()
    claim = take(connection, "box", ["default"], Offer(), 20)
    assert claim is not None
    assert claim.lease == Lease(task_id, 1, "box", 20)
    task = claim.task
    assert (task.status, task.attempt, task.agent, task.queue) == (Status.IN_PROGRESS, 1, "box", "default")
    assert task.started is not None
    assert task == store.get(task_id)
    assert [event.kind for event in store.events(task_id)] == ["created", "queued", "claimed"]
    assert take(connection, "box", ["default"], Offer(), 20) is None


def test_tasks_leave_a_queue_in_the_order_in_which_they_came(connection: redis.Redis, put_task) -> None:
    ids = [put_task() for _ in range(5)]
    taken = [take(connection, "box", ["default"], Offer(), 20) for _ in ids]
    assert [claim and claim.lease.task_id for claim in taken] == ids


def test_queues_are_served_in_the_order_given(connection: redis.Redis, put_task) -> None:
    low, high = put_task("low"), put_task("high")
    taken = [take(connection, "box", ["high", "low"], Offer(), 20) for _ in range(3)]
    assert [claim and claim.lease.task_id for claim in taken] == [high, low, None]


def test_a_paused_queue_is_skipped_until_it_is_resumed(connection: redis.Redis, put_task) -> None:
    held, other = put_task("held"), put_task("other")
    pause(connection, "held")
    assert is_paused(connection, "held")
    taken = [take(connection, "box", ["held", "other"], Offer(), 20) for _ in range(2)]
    assert [claim and claim.lease.task_id for claim in taken] == [other, None]
    resume(connection, "held")
    assert not is_paused(connection, "held")
    claim = take(connection, "box", ["held", "other"], Offer(), 20)
    assert claim is not None
    assert claim.lease.task_id == held


@pytest.mark.parametrize(
    ("needs", "offer", "fits"),
    [
        (Needs(), Offer(), True),
        (Needs(gpus=2), Offer(gpus=2), True),
        (Needs(gpus=2), Offer(gpus=1), False),
        (Needs(tags=("a100", "big disk")), Offer(tags=("x", "big disk", "a100")), True),
        (Needs(tags=("a100",)), Offer(tags=("a10",)), False),
        (Needs(tags=("50%",)), Offer(tags=("50%",)), True),
        (Needs(memory_bytes=2**36), Offer(memory_bytes=2**36), True),
        (Needs(memory_bytes=2**36 + 1), Offer(memory_bytes=2**36), False),
        (Needs(memory_bytes=2**36), Offer(memory_bytes=0), True),
        (Needs(1, ("t",), 10), Offer(1, ("t",), 11), True),
        (Needs(1, ("t",), 10), Offer(0, ("t",), 11), False),
        (Needs(), Offer(gpus=4, without_gpus=False), False),
        (Needs(gpus=1), Offer(gpus=1, without_gpus=False), True),
        (Needs(gpu_memory_bytes=10), Offer(gpus=4), False),
        (Needs(gpu_memory_bytes=10), Offer(gpu_memory=(3, 10, 9)), True),
        (Needs(gpu_memory_bytes=11), Offer(gpu_memory=(3, 10, 9)), False),
        (Needs(gpus=2, gpu_memory_bytes=9), Offer(gpu_memory=(3, 10, 9)), True),
        (Needs(gpus=3, gpu_memory_bytes=9), Offer(gpu_memory=(3, 10, 9)), False),
        (Needs(gpu_memory_bytes=2**50), Offer(gpu_memory=(2**50 - 1,)), False),
        (Needs(2, ("t",), 10, 9), Offer(0, ("t",), 10, (9, 9), without_gpus=False), True),
    ],
)
def test_a_task_goes_only_to_a_slot_that_offers_what_it_needs(
    connection: redis.Redis, put_task, needs: Needs, offer: Offer, fits: bool
) -> None:
    put_task(needs=needs)
    assert (take(connection, "box", ["default"], offer, 20) is not None) is fits


def test_a_task_that_does_not_fit_keeps_its_place_and_blocks_nobody(
    connection: redis.Redis, put_task
) -> None:
    greedy = [put_task(needs=Needs(gpus=8)) for _ in range(300)]
    modest = put_task()
    claim = take(connection, "box", ["default"], Offer(gpus=1), 20)
    assert claim is not None
    assert claim.lease.task_id == modest
    assert take(connection, "box", ["default"], Offer(gpus=1), 20) is None
    claim = take(connection, "big", ["default"], Offer(gpus=8), 20)
    assert claim is not None
    assert claim.lease.task_id == greedy[0]


def test_ids_that_stand_in_a_queue_for_nothing_are_dropped(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    line = keys.rq_queue("default")
    stopped = put_task()
    store.request_stop(stopped, StopRequest("me"))
    connection.rpush(line, *[f"ghost-{number}" for number in range(300)], stopped, stopped)
    queued = put_task()
    claim = take(connection, "box", ["default"], Offer(), 20)
    assert claim is not None
    assert claim.lease.task_id == queued
    assert connection.llen(line) == 0


def test_a_stopped_or_dequeued_task_is_not_taken(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    stopped, dequeued = put_task(), put_task()
    store.request_stop(stopped, StopRequest("me"))
    store.move(dequeued, Status.CREATED, expected=Status.QUEUED)
    assert take(connection, "box", ["default"], Offer(), 20) is None


def test_five_hundred_tasks_go_to_eight_racing_takers_each_exactly_once(
    redis_url: str, connection: redis.Redis, store: RedisStore, put_task
) -> None:
    ids = [put_task("a" if number % 2 else "b") for number in range(500)]
    taken: list[tuple[str, int]] = []

    def work(agent: str) -> None:
        own = connect(redis_url)
        while claim := take(own, agent, ["a", "b"], Offer(), 20):
            taken.append((claim.lease.task_id, claim.lease.attempt))
        own.close()

    threads = [threading.Thread(target=work, args=(f"box-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter((task_id, 1) for task_id in ids)
    assert connection.zcard(keys.LEASES) == 500


def test_a_draft_can_be_executed_without_a_queue(
    connection: redis.Redis, store: RedisStore, make_draft
) -> None:
    task_id = make_draft(needs=Needs(gpus=99))
    claim = take_task(connection, "here", task_id, 20)
    assert (claim.task.status, claim.task.attempt, claim.task.queue) == (Status.IN_PROGRESS, 1, None)
    assert not connection.exists(keys.rq_job(task_id))


def test_a_queued_task_can_be_executed_out_of_turn(connection: redis.Redis, put_task) -> None:
    first, second = put_task(), put_task()
    claim = take_task(connection, "here", second, 20)
    assert claim.task.queue == "default"
    remaining = take(connection, "box", ["default"], Offer(), 20)
    assert remaining is not None
    assert remaining.lease.task_id == first
    assert take(connection, "box", ["default"], Offer(), 20) is None


def test_a_task_that_runs_or_has_ended_is_not_taken_by_its_id(
    connection: redis.Redis, store: RedisStore, put_task, make_draft
) -> None:
    running, closed = put_task(), make_draft()
    take_task(connection, "box", running, 20)
    store.move(closed, Status.CLOSED, expected=Status.CREATED)
    for task_id, status in ((running, "in_progress"), (closed, "closed")):
        with pytest.raises(IllegalMove, match=status):
            take_task(connection, "here", task_id, 20)
    with pytest.raises(TaskNotFound):
        take_task(connection, "here", "0" * 32, 20)


def test_a_leased_task_is_moved_by_nobody_else(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    put_task()
    task_id = take_one().lease.task_id
    for target in (Status.COMPLETED, Status.CLOSED, Status.STOPPED):
        with pytest.raises(IllegalMove, match="agent box"):
            store.move(task_id, target, expected=Status.IN_PROGRESS)


def test_queueing_is_imported_without_rq() -> None:
    code = "import sys, queueing; sys.exit('rq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_putting_is_safe_to_repeat(store: RedisStore, make_draft) -> None:
    task_id = make_draft()
    assert [put(store, task_id, "q"), put(store, task_id, "q")] == [0, 0]
