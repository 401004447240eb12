"""`agent enqueue`: put a draft on a queue."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from agent.cli._options import AsJson, TaskId


def command(
    task: TaskId,
    queue: Annotated[
        str, typer.Option("--queue", metavar="QUEUE", help="The queue to put the task on.")
    ] = "default",
    param: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
        typer.Option(
            "--param", metavar="SECTION/KEY=VALUE", help="Override a parameter, such as Args/lr=0.1."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a draft on a queue, such as a clone or what a desk has left there."""
    from agent.cli._desk import open_desk_and_server
    from agent.cli._task_json import print_json, task_json
    from elsewhere.contract.status import Status
    from elsewhere.parameters.overrides import parse_override
    from elsewhere.store.queue_name import checked
    from elsewhere.store.refusal import illegal_move

    overrides = dict(parse_override(text) for text in param or ())
    queue = checked(queue)
    with open_desk_and_server() as (store, _):
        record = store.get(store.resolve(task))
        if overrides:
            # What is queued may begin at any moment: half of it would run with the old values.
            if record.status is not Status.CREATED:
                raise illegal_move(record.id, record.status.value, "be given other parameters")
            by_hand = tuple(dict.fromkeys((*record.overrides, *overrides)))
            store.set_parameters(record.id, overrides, overrides=by_hand)
        position = store.enqueue(record.id, queue)
        record = store.get(record.id)
    if as_json:
        print_json(task_json(record))
    else:
        before = "next in line" if position == 0 else f"{position} before it"
        typer.echo(f"task {record.id} is queued on {queue!r}: {record.waits_for or before}")
