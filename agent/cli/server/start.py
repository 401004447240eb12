"""`agent server start`: the embedded server, unless it runs."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """Start the embedded server, unless it runs; every command that needs it does so too."""
    from agent.cli._task_json import print_json
    from agent.cli.server._embedded import embedded_place, status_json
    from elsewhere.store.embedded import ensure_server

    folder, socket = embedded_place()
    url = ensure_server(folder, socket)
    if as_json:
        print_json(status_json(folder, socket))
    else:
        typer.echo(f"the embedded server answers at {url}")
