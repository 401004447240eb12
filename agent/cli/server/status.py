"""`agent server status`: whether the embedded server runs."""

from __future__ import annotations

import typer

from agent.cli._options import AsJson


def command(as_json: AsJson = False) -> None:
    """Show whether the embedded server runs, where, and how much it holds."""
    from agent.cli._clock import duration
    from agent.cli._task_json import print_json
    from agent.cli.server._embedded import embedded_place, status_json

    status = status_json(*embedded_place())
    if as_json:
        print_json(status)
        return
    typer.echo(f"state   {status['state']}")
    typer.echo(f"url     {status['url']}")
    typer.echo(f"log     {status['log']}")
    if status["pid"] is not None:
        typer.echo(f"pid     {status['pid']}")
    if status["version"] is not None:
        typer.echo(f"server  Valkey {status['version']}")
        typer.echo(f"memory  {status['memory_bytes'] / 1024 / 1024:.1f} MiB")
        typer.echo(f"up      {duration(status['uptime_seconds'])}")
