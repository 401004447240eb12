"""`agent submit`: send a script to a queue, as it stands here and now."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from agent.cli._options import AsJson

if TYPE_CHECKING:
    from elsewhere.capture import Capture
    from elsewhere.store.protocol import Store

# Whatever follows the script is the script's own, options included.
CONTEXT = {"allow_interspersed_args": False}


def command(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="The script; with --module, the module's dotted name.")
    ],
    arguments: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
        typer.Argument(metavar="ARGUMENT", help="The script's own arguments, passed on untouched."),
    ] = None,
    queue: Annotated[
        str, typer.Option("--queue", metavar="QUEUE", help="The queue to put the task on.")
    ] = "default",
    project: Annotated[
        str, typer.Option("--project", metavar="NAME", help="The task's project; else the repository's name.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The task's name; else the script's.")
    ] = "",
    param: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(
            "--param", metavar="SECTION/KEY=VALUE", help="Override a parameter, such as Args/lr=0.1."
        ),
    ] = None,
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option("--tag", metavar="TAG", help="What the agent must offer; repeat it for several."),
    ] = None,
    gpus: Annotated[int, typer.Option("--gpus", metavar="N", min=0, help="GPUs that the task needs.")] = 0,
    module: Annotated[bool, typer.Option("--module", help="Run a module, as `python -m` does.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the log; exit with 0 only if the task completes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a script to a queue with the exact state of its repository.

    That is the commit, uncommitted changes, untracked files and commits that no remote has.
    The script needs no change. Options come before SCRIPT; what follows it is the script's.
    """
    from agent.cli._desk import open_desk
    from agent.cli._task_json import print_json, task_json
    from elsewhere.contract.spec import Needs
    from elsewhere.contract.task import NewTask
    from elsewhere.parameters.overrides import parse_override
    from elsewhere.store.queue_name import checked

    # First, so that a wrong word is told before anything is captured or sent.
    overrides = dict(parse_override(text) for text in param or ())
    queue = checked(queue)
    needs = Needs(gpus=gpus, tags=tuple(dict.fromkeys(tag or ())))
    with open_desk() as store:
        nobody = not store.serving(queue)
        captured = _capture(script, arguments or [], module)
        for payload in captured.payloads:
            store.put_blob(payload)
        task = store.create(
            NewTask(
                project=project or captured.root.name,
                name=name or (script.rpartition(".")[2] if module else Path(script).stem),
                spec=replace(captured.spec, needs=needs),
                parameters=overrides,
                overrides=tuple(overrides),
            )
        )
        position = store.enqueue(task.id, queue)
        if nobody:
            _say(f"warning: no agent serves the queue {queue} now; `agent daemon --queue {queue}` would")
        if not as_json:
            _tell(task.id, queue, position)
        if follow:
            _follow(store, task.id, as_json)
        task = store.get(task.id)
    if as_json:
        print_json(task_json(task))
    if follow:
        _say(f"task {task.id} {task.status}")
        raise typer.Exit(0 if task.status.value == "completed" else 1)


def _capture(script: str, arguments: list[str], module: bool) -> Capture:
    """The run as it would start from here, with its notes told to the user."""
    from elsewhere.capture import active_environment, capture
    from elsewhere.settings import load

    settings = load()
    search_path, python_version = active_environment()
    captured = capture(
        script,
        arguments,
        working_directory=Path.cwd(),
        kind="module" if module else "script",
        untracked_limit=settings.untracked_limit,
        bundle_limit=settings.bundle_limit,
        search_path=search_path,
        python_version=python_version,
    )
    for note in captured.notes:
        _say(f"note: {note}")
    return captured


def _tell(task_id: str, queue: str, position: int) -> None:
    waiting = f", behind {position} others" if position > 1 else ", behind one other" if position else ""
    typer.echo(f"task {task_id} is queued in {queue}{waiting}")
    typer.echo(f"follow it: agent logs -f {task_id[:12]}")
    typer.echo(f"stop it:   agent stop {task_id[:12]}")
    sys.stdout.flush()


def _follow(store: Store, task_id: str, as_json: bool) -> None:
    from agent.cli._log_view import TextView, follow

    # With --json, stdout is for the task alone.
    view = TextView(sys.stderr if as_json else sys.stdout)
    try:
        follow(store, task_id, view)
    except KeyboardInterrupt:
        _say(f"not following any more; the task goes on: agent logs -f {task_id[:12]}")
        raise


def _say(text: str) -> None:
    typer.echo(text, err=True)
