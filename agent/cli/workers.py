"""`agent workers`: the agents that are alive."""

from __future__ import annotations

import dataclasses
import time

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """List the agents that are alive, and what they serve."""
    import queueing
    from agent.cli._clock import duration
    from agent.cli._desk import open_server
    from agent.cli._table import print_table
    from agent.cli._task_json import print_json

    with open_server() as connection:
        agents = queueing.list_agents(connection)
    if as_json:
        print_json([_plain(dataclasses.asdict(agent)) for agent in agents])
        return
    now = time.time()
    rows = [
        (
            agent.name,
            agent.state,
            ",".join(agent.queues),
            f"{agent.busy}/{agent.slots}",
            f"{agent.gpus_free}/{agent.gpus}",
            agent.reserved[:12],
            ",".join(agent.tags),
            agent.host,
            str(agent.pid),
            duration(now - agent.last_seen),
        )
        for agent in agents
    ]
    columns = ("name", "state", "queues", "busy", "gpus-free", "kept-for", "tags", "host", "pid", "seen")
    print_table(columns, rows, "no agents; start one with `agent daemon`")


def _plain(facts: dict[str, object]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
