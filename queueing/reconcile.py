"""Reconcile what was accepted with what stands somewhere, so that no task is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

import redis

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering
from elsewhere.store.script import Script
from queueing.duration import milliseconds

RECONCILE = Script(__file__, "reconcile.lua")
ROUND = 100
"""Tasks looked at by one script at most: the server does nothing else meanwhile."""
PAGE = 1000
"""Ids read from a queue or from the accepted tasks in one go."""


@dataclass(frozen=True)
class Repair:
    """An accepted task that stood nowhere, and what was done about it, in words."""

    task_id: str
    what: str


def reconcile(connection: redis.Redis, *, grace_seconds: float = 20.0) -> list[Repair]:
    """Put back every accepted task that stands neither in a queue nor under a lease nor waits.

    A queued one goes to the front of its queue, or waits again for what it waited for; one
    that runs without a lease gets one of ``grace_seconds``, which its supervisor renews, or
    else it is reaped. Each repair is among the task's events. Drafts and runs at a desk are
    not accepted tasks. Any number of agents may reconcile at once, at any time.
    """
    # Most tasks stand in a queue. Those that are seen there need no further look; whoever moves
    # meanwhile is looked at in one atomic step with all that it may stand in.
    standing = set(_standing(connection))
    doubtful = (task_id for task_id in _accepted(connection) if task_id not in standing)
    repairs: list[Repair] = []
    while batch := list(islice(doubtful, ROUND)):
        answer = RECONCILE.run(connection, (), [milliseconds(grace_seconds), *batch])
        repairs += [Repair(task_id.decode(), what.decode()) for task_id, what in answer]
    return repairs


def _standing(connection: redis.Redis) -> Iterator[bytes]:
    with answering(connection):
        lines = cast("set[bytes]", connection.smembers(keys.RQ_QUEUES))
    for line in lines:
        start = 0
        while True:
            with answering(connection):
                ids = cast("list[bytes]", connection.lrange(line.decode(), start, start + PAGE - 1))
            if not ids:
                break
            yield from ids
            start += PAGE


def _accepted(connection: redis.Redis) -> Iterator[bytes]:
    cursor = 0
    while True:
        with answering(connection):
            cursor, ids = cast("tuple[int, list[bytes]]", connection.sscan(keys.ACCEPTED, cursor, count=PAGE))
        yield from ids
        if cursor == 0:
            return
