"""Drain an agent: it finishes what runs, takes no more, and ends."""

from __future__ import annotations

import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import AgentNotFound
from elsewhere.store.script import Script

DRAIN = Script(__file__, "drain.lua")


def drain(connection: redis.Redis, agent_name: str) -> None:
    """Ask the agent to drain, and wake it; its next beat tells it. Safe to repeat.

    Raises:
        AgentNotFound: no agent of that name is alive.
    """
    answer = DRAIN.run(connection, [keys.agent(agent_name), keys.agent_control(agent_name)])
    if answer[0] == b"missing":
        raise AgentNotFound(f"no agent named {agent_name!r} is alive")
