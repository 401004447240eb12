"""Reap the attempts of agents that vanished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import redis

from elsewhere.store.script import Script
from queueing.duration import milliseconds

REAP = Script(__file__, "reap.lua")
ROUND = 100
"""Tasks reaped by one script at most: the server does nothing else meanwhile."""

End = Literal["requeued", "poisoned", "stopped", "failed"]
"""What became of the task; ``failed`` is one that was executed without a queue to go back to."""


@dataclass(frozen=True)
class Reaped:
    """An attempt whose lease was over, and what became of its task."""

    task_id: str
    attempt: int
    agent: str
    end: End


def reap(connection: redis.Redis, *, poisoned_after: int = 3, grace_seconds: float = 20.0) -> list[Reaped]:
    """Take every task whose lease is over, by the server's clock, from its agent.

    It goes back to the front of its queue, or is stopped where a stop was pending, or fails
    as poisoned after ``poisoned_after`` lost attempts in a row. Any number of agents may reap
    at once: each attempt is reaped by one of them.

    The first reaping after the server was started, or emptied, reaps nothing: every lease then
    lasts for its own length, and for ``grace_seconds`` at least, from that moment on.
    """
    reaped: list[Reaped] = []
    while True:
        answer = REAP.run(connection, (), [poisoned_after, ROUND, milliseconds(grace_seconds)])
        reaped += [
            Reaped(task_id.decode(), int(attempt), agent.decode(), cast(End, end.decode()))
            for task_id, attempt, agent, end in answer
        ]
        if len(answer) < ROUND:
            return reaped
