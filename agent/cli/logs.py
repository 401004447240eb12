"""`agent logs`: what a task wrote."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agent.cli._options import AsJson, TaskId


def command(
    task: TaskId,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the task has ended; Ctrl-C only stops that.")
    ] = False,
    tail: Annotated[
        int,
        typer.Option(
            "--tail",
            metavar="N",
            show_default=False,
            help="Begin with the last N lines; else with the first.",
        ),
    ] = -1,
    as_json: AsJson = False,
) -> None:
    """Print a task's log.

    The script's output comes as it is, an agent's notes are marked as notes.
    With --json every piece is a line with kind, attempt, time and text. A piece of the kind
    "live" is the state of an unfinished line that overwrites itself, such as a progress bar: the
    next piece takes its place. On a terminal it is shown in place, in a pipe only if it is the last.
    """
    from agent.cli._desk import open_desk
    from agent.cli._log_view import JsonView
    from elsewhere import following

    with open_desk() as store:
        task_id = store.resolve(task)
        show = following.follow if follow else following.show
        view: following.LogView = JsonView() if as_json else following.TextView(sys.stdout)
        show(store, task_id, view, tail if tail >= 0 else None)
