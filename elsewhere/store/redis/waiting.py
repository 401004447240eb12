"""Wait for something to happen to a task: a blocking read of its events.

They come with every move, and with every request to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.store.redis.connection import answering, patient

TICK_SECONDS = 5.0
"""After waiting in vain for so long, the task is looked at: a deleted one has no more events."""

SLOW_TICK_SECONDS = 60.0
"""The same for who waits as long as a run takes."""


def wait_for_status(
    connection: redis.Redis,
    task_id: str,
    statuses: Collection[Status],
    timeout: float | None,
    get: Callable[[str], TaskRecord],
) -> TaskRecord:
    """The task once it stands in one of ``statuses``, or when ``timeout`` seconds are over."""
    return _wait(connection, task_id, lambda task: task.status in statuses, timeout, get, TICK_SECONDS)


def wait_for_stop(
    connection: redis.Redis, task_id: str, timeout: float | None, get: Callable[[str], TaskRecord]
) -> TaskRecord:
    """The task once it was asked to stop or is not in progress, or when ``timeout`` seconds are over."""

    def over(task: TaskRecord) -> bool:
        return task.stop is not None or task.status is not Status.IN_PROGRESS

    return _wait(connection, task_id, over, timeout, get, SLOW_TICK_SECONDS)


def _wait(
    connection: redis.Redis,
    task_id: str,
    done: Callable[[TaskRecord], bool],
    timeout: float | None,
    get: Callable[[str], TaskRecord],
    tick: float,
) -> TaskRecord:
    deadline = None if timeout is None else time.monotonic() + timeout
    # Of its own, and waiting longer: a blocking read holds its connection.
    waiting = patient(connection, tick + 10)
    try:
        while True:
            # The place in the events first: what comes between the two reads then ends the wait at once.
            with answering(waiting):
                newest = cast(
                    "list[tuple[bytes, object]]", waiting.xrevrange(keys.task_events(task_id), count=1)
                )
            record = get(task_id)
            left = tick if deadline is None else deadline - time.monotonic()
            if done(record) or left <= 0:
                return record
            with answering(waiting):
                waiting.xread(
                    {keys.task_events(task_id): newest[0][0] if newest else "0-0"},
                    count=1,
                    block=max(1, int(min(left, tick) * 1000)),
                )
    finally:
        waiting.close()
