"""Pause a queue: it goes on to accept tasks, but nobody takes from it."""

from __future__ import annotations

import redis

from elsewhere.contract import keys
from elsewhere.store.queue_name import checked
from elsewhere.store.redis.connection import answering


def pause(connection: redis.Redis, queue: str) -> None:
    """Let nobody take from ``queue`` until it is resumed; what runs goes on."""
    with answering(connection):
        connection.sadd(keys.QUEUES_PAUSED, checked(queue))


def resume(connection: redis.Redis, queue: str) -> None:
    """Let agents take from ``queue`` again, and wake them."""
    with answering(connection):
        pipeline = connection.pipeline()
        pipeline.srem(keys.QUEUES_PAUSED, checked(queue))
        pipeline.xadd(keys.queue_wake(queue), {"resumed": "1"}, maxlen=1, approximate=False)
        pipeline.execute()


def is_paused(connection: redis.Redis, queue: str) -> bool:
    """Whether ``queue`` is paused."""
    with answering(connection):
        return bool(connection.sismember(keys.QUEUES_PAUSED, queue))
