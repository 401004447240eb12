"""`agent queue pause`: nobody takes from a queue until it is resumed."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson, QueueName


def command(queue: QueueName, as_json: AsJson = False) -> None:
    """Pause a queue: it accepts tasks, but nobody takes them; what runs goes on."""
    import queueing
    from agent.cli._desk import open_server
    from agent.cli._task_json import print_json

    with open_server() as connection:
        queueing.pause(connection, queue)
    if as_json:
        print_json({"name": queue, "paused": True})
    else:
        typer.echo(f"queue {queue} is paused")
