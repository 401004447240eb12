"""Queues as they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import redis

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering
from queueing.registration import list_agents


@dataclass(frozen=True)
class QueueInfo:
    """One queue at one moment."""

    name: str
    waiting: int
    """Tasks that stand in it."""
    running: int
    """Tasks taken from it that an attempt runs."""
    paused: bool
    agents: tuple[str, ...]
    """Names of the agents that are alive and serve it."""


def list_queues(connection: redis.Redis) -> list[QueueInfo]:
    """Every queue that ever held a task, is served or is paused, by name."""
    agents = list_agents(connection)
    with answering(connection):
        known = cast("set[bytes]", connection.smembers(keys.RQ_QUEUES))
        paused = {name.decode() for name in cast("set[bytes]", connection.smembers(keys.QUEUES_PAUSED))}
        prefix = keys.rq_queue("")
        names = {key.decode().removeprefix(prefix) for key in known} | paused
        ordered = sorted(names.union(*(agent.queues for agent in agents)))
        pipeline = connection.pipeline(transaction=False)
        for name in ordered:
            pipeline.llen(keys.rq_queue(name))
            pipeline.zcard(keys.rq_started(name))
        counts = pipeline.execute()
    return [
        QueueInfo(
            name=name,
            waiting=waiting,
            running=running,
            paused=name in paused,
            agents=tuple(agent.name for agent in agents if name in agent.queues),
        )
        for name, waiting, running in zip(ordered, counts[::2], counts[1::2], strict=True)
    ]
