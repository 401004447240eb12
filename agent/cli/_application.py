"""The typer application: the folder of commands behind one command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.cli._command_files import CommandFiles


def application() -> Any:
    """The whole command line as a callable group; commands are imported when they are needed."""
    front = typer.Typer(
        name="agent",
        help="Run it elsewhere: submit scripts, follow them, and serve queues on this machine.",
        # Plain help: rendering it with rich would double the time of `agent --help`.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    front.callback()(_front)
    group = typer.main.get_command(front)
    group.commands = CommandFiles("agent.cli")  # type: ignore[attr-defined]
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        from elsewhere._version import __version__

        typer.echo(f"elsewhere {__version__}")
        raise typer.Exit


def _front(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Run it elsewhere: submit scripts, follow them, and serve queues on this machine."""
