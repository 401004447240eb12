"""`agent import`: bring runs that were recorded offline into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli._options import AsJson


def command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="The archive that a run named, or a run's folder.")
    ],
    into: Annotated[
        str,
        typer.Option(
            "--into", metavar="ID", help="A task to go on with, instead of one with the run's own id."
        ),
    ] = "",
    iteration_offset: Annotated[
        int, typer.Option("--iteration-offset", metavar="N", help="What is added to the steps of its series.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Import runs that were recorded offline (ELSEWHERE_OFFLINE=1, Task.set_offline).

    It may be repeated, also after it was interrupted: nothing comes twice. A run that was killed comes as
    far as it got. Archives that hold anything that a session does not are refused as a whole.
    """
    from agent.cli._desk import open_desk
    from agent.cli._task_json import print_json, task_json
    from elsewhere.offline.arrival import import_session

    imported = []
    with open_desk() as store:
        target = store.resolve(into) if into else None
        for path in paths:
            task_id = import_session(store, path, into=target, iteration_offset=iteration_offset)
            imported.append(store.get(task_id))
            if not as_json:
                typer.echo(f"task {task_id} is {imported[-1].status}: imported from {path}")
    if as_json:
        print_json([task_json(task) for task in imported])
