"""`agent queue list`: the queues and what stands in them."""

from __future__ import annotations

import dataclasses

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """List the queues, what waits and runs in them, and who serves them."""
    import queueing
    from agent.cli._desk import open_server
    from agent.cli._table import print_table
    from agent.cli._task_json import print_json

    with open_server() as connection:
        queues = queueing.list_queues(connection)
    if as_json:
        print_json([{**dataclasses.asdict(queue), "agents": list(queue.agents)} for queue in queues])
        return
    rows = [
        (
            queue.name,
            "paused" if queue.paused else "open",
            str(queue.waiting),
            str(queue.running),
            ",".join(queue.agents) or "nobody",
        )
        for queue in queues
    ]
    print_table(("queue", "state", "waiting", "running", "served by"), rows, "no queues")
