"""Wait for a task to come to a status: a blocking read of its events, which come with every move."""

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


def wait_for_status(
    connection: redis.Redis,
    task_id: str,
    statuses: Collection[Status],
    timeout: float | None,
    get: Callable[[str], TaskRecord],
) -> TaskRecord:
    """The task once it stands in one of ``statuses``, or when ``timeout`` seconds are over."""
    deadline = None if timeout is None else time.monotonic() + timeout
    # Of its own, and waiting longer: a blocking read holds its connection.
    waiting = patient(connection, TICK_SECONDS + 10)
    try:
        while True:
            # The place in the events first: what comes between the two reads then ends the wait at once.
            with answering(waiting):
                newest = cast(
                    "list[tuple[bytes, object]]", waiting.xrevrange(keys.task_events(task_id), count=1)
                )
            record = get(task_id)
            left = TICK_SECONDS if deadline is None else deadline - time.monotonic()
            if record.status in statuses or left <= 0:
                return record
            with answering(waiting):
                waiting.xread(
                    {keys.task_events(task_id): newest[0][0] if newest else "0-0"},
                    count=1,
                    block=max(1, int(min(left, TICK_SECONDS) * 1000)),
                )
    finally:
        waiting.close()
