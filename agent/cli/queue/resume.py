"""`agent queue resume`: agents take from a queue again."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson, QueueName


def command(queue: QueueName, as_json: AsJson = False) -> None:
    """Let agents take from a paused queue again."""
    import queueing
    from agent.cli._desk import open_server
    from agent.cli._task_json import print_json

    with open_server() as connection:
        queueing.resume(connection, queue)
    if as_json:
        print_json({"name": queue, "paused": False})
    else:
        typer.echo(f"queue {queue} is resumed")
