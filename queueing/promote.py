"""Promote the tasks whose time has come."""

from __future__ import annotations

import redis

from elsewhere.store.script import Script

PROMOTE = Script(__file__, "promote.lua")
ROUND = 100
"""Tasks moved by one script at most: the server does nothing else meanwhile."""


def promote(connection: redis.Redis) -> float | None:
    """Move every task that is due, by the server's clock, into its queue and wake the takers.

    Returns the seconds until the next one is due, more than 0; None when none waits for its
    time. Whoever begins to wait for an earlier moment rings the bell of its queue. Any number of
    agents may promote at once: each task enters its queue once.
    """
    while True:
        answer = PROMOTE.run(connection, (), [ROUND])
        if answer is None:
            return None
        if (seconds := float(answer)) > 0:
            return seconds
