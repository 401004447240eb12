from __future__ import annotations

import threading
import time

import redis

from elsewhere.contract.lease import Offer
from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from queueing import Bell, give_back, pause, resume, ring, take

LONG = 60.0


def rings(bell: Bell, seconds: float = LONG) -> bool:
    """Whether the bell rang before the time was over."""
    began = time.monotonic()
    bell.wait(seconds)
    return time.monotonic() - began < seconds


def quiet(connection: redis.Redis, queues: list[str], agent: str = "box") -> Bell:
    """A bell that has heard all there was."""
    bell = Bell(connection, agent, queues)
    while rings(bell, 0.02):
        pass
    return bell


def test_a_task_put_between_a_take_and_a_wait_is_not_missed(connection: redis.Redis, put_task) -> None:
    with Bell(connection, "box", ["default"]) as bell:
        assert take(connection, "box", ["default"], Offer(), 20) is None
        put_task()
        assert rings(bell)
        assert take(connection, "box", ["default"], Offer(), 20) is not None
        put_task()
        assert rings(bell)


def test_a_waiting_agent_hears_a_task_on_any_of_its_queues(connection: redis.Redis, put_task) -> None:
    with quiet(connection, ["a", "b"]) as bell:
        heard = threading.Event()
        waiting = threading.Thread(target=lambda: (bell.wait(LONG), heard.set()))
        waiting.start()
        put_task("b")
        assert heard.wait(10)
        waiting.join()


def test_a_wait_without_a_ring_ends_after_its_time(connection: redis.Redis) -> None:
    with quiet(connection, ["default"]) as bell:
        assert not rings(bell, 0.05)
        bell.wait(0)


def test_other_queues_do_not_ring(connection: redis.Redis, put_task) -> None:
    with quiet(connection, ["mine"]) as bell:
        put_task("theirs")
        assert not rings(bell, 0.05)


def test_a_given_back_task_and_a_resumed_queue_ring(connection: redis.Redis, put_task, take_one) -> None:
    put_task()
    lease = take_one().lease
    with quiet(connection, ["default"]) as bell:
        give_back(connection, lease, "no room")
        assert rings(bell)
        pause(connection, "default")
        resume(connection, "default")
        assert rings(bell)


def test_an_agent_is_woken_by_its_own_bell(connection: redis.Redis) -> None:
    with quiet(connection, ["default"]) as bell:
        ring(connection, "other")
        assert not rings(bell, 0.05)
        ring(connection, "box")
        assert rings(bell)


def test_no_wake_up_is_lost_between_many_puts_and_one_taker(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    putter = threading.Thread(target=lambda: [put_task() for _ in range(200)])
    taken = 0
    with Bell(connection, "box", ["default"]) as bell:
        putter.start()
        while taken < 200:
            while take(connection, "box", ["default"], Offer(), 60):
                taken += 1
            if taken < 200:
                assert rings(bell, 20), "a task stands in the queue and nobody was woken"
    putter.join()
    assert len(store.newest(limit=300, status=Status.IN_PROGRESS)) == 200
