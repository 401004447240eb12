"""`agent list`: the newest tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli._options import AsJson

if TYPE_CHECKING:
    from elsewhere.contract.status import Status
    from elsewhere.contract.task import TaskRecord


def command(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many at most.")] = 50,
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="Only tasks of this status, such as failed.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List tasks, the newest first.

    ETA is how long it takes yet if a task goes on as it went, for those that say their progress.
    """
    from agent.cli._arrival import arrival
    from agent.cli._desk import open_desk_and_server, server_time
    from agent.cli._standing import lost_contact
    from agent.cli._table import print_table
    from agent.cli._task_json import print_json, task_json

    wanted = _status(status) if status else None
    with open_desk_and_server() as (store, connection):
        tasks = store.newest(limit, status=wanted)
        lost = lost_contact(connection, tasks)
        now = server_time(connection)
        arrivals = {task.id: arrival(store, task, now) for task in tasks}
    if as_json:
        print_json([task_json(task, lost_contact=task.id in lost, eta=arrivals[task.id]) for task in tasks])
    else:
        columns = ("id", "status", "project", "name", "queue", "agent", "age", "ran", "progress", "eta")
        rows = [_row(task, task.id in lost, arrivals[task.id], now) for task in tasks]
        print_table(columns, rows, "no tasks")


def _status(text: str) -> Status:
    from elsewhere.contract.errors import UsageError
    from elsewhere.contract.status import Status

    try:
        return Status(text.replace("-", "_"))
    except ValueError:
        known = ", ".join(status.value for status in Status)
        raise UsageError(f"{text!r} is no status", f"Use one of {known}.") from None


def _row(task: TaskRecord, lost: bool, eta: float | None, now: float) -> tuple[str, ...]:
    from agent.cli._arrival import percent
    from agent.cli._clock import duration
    from agent.cli._standing import SHOWN_DIGITS, standing

    ran = "" if task.started is None else duration((task.ended or now) - task.started)
    # In a pipe ids are whole: programs read there.
    digits = SHOWN_DIGITS if sys.stdout.isatty() else len(task.id)
    return (
        task.id[:digits],
        standing(task, lost, digits),
        task.project,
        task.name,
        task.queue or "",
        task.agent or "",
        duration(now - task.created),
        ran,
        percent(task),
        "" if eta is None else duration(eta - now),
    )
