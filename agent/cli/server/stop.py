"""`agent server stop`: the embedded server, with its data on disk."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """Stop the embedded server; what it holds stays on disk."""
    from agent.cli._task_json import print_json
    from agent.cli.server._embedded import embedded_place, status_json
    from elsewhere.store.embedded import stop_server

    folder, socket = embedded_place()
    stopped = stop_server(folder, socket)
    if as_json:
        print_json(status_json(folder, socket))
    else:
        typer.echo("the embedded server is stopped" if stopped else "the embedded server does not run")
