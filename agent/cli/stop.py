"""`agent stop`: ask for the end of a task."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli._options import AsJson, TaskId


def command(
    task: TaskId,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            show_default=False,
            help="Time between SIGTERM and SIGKILL; else the agent's own.",
        ),
    ] = -1.0,
    as_json: AsJson = False,
) -> None:
    """Stop a task.

    A waiting one is stopped at once; a running one is asked, and after a grace killed.
    """
    from agent.cli._desk import open_desk_and_server
    from agent.cli._person import person
    from agent.cli._standing import lost_contact
    from agent.cli._task_json import print_json, task_json
    from elsewhere.contract.task import StopRequest

    with open_desk_and_server() as (store, connection):
        task_id = store.resolve(task)
        already = store.get(task_id).status.ended
        status = store.request_stop(task_id, StopRequest(person(), grace if grace >= 0 else None))
        if as_json:
            record = store.get(task_id)
            print_json(task_json(record, lost_contact=bool(lost_contact(connection, [record]))))
        elif already:
            typer.echo(f"task {task_id} had ended already: {status}")
        elif status.ended:
            typer.echo(f"task {task_id} is {status}")
        else:
            typer.echo(f"task {task_id} was asked to stop; `agent logs -f {task_id[:12]}` shows its end")
