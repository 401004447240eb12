"""`agent submit`: send a script to a queue, as it stands here and now."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from agent.cli import _asked as of_asked
from agent.cli import _terms as of_terms
from agent.cli._options import AsJson
from elsewhere.escapes import printable

if TYPE_CHECKING:
    from elsewhere.capture import Capture
    from elsewhere.contract.task import NewTask
    from elsewhere.store.protocol import Store
    from elsewhere.submission import Submitted

# Whatever follows the script is the script's own, options included.
CONTEXT = {"allow_interspersed_args": False}


def command(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", help="The script or notebook; with --module, the module's dotted name."
        ),
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
    gpu_memory: of_asked.GpuMemory = "",
    memory: of_asked.Memory = "",
    module: Annotated[bool, typer.Option("--module", help="Run a module, as `python -m` does.")] = False,
    packages: of_asked.Origin = "",
    requirements: of_asked.Requirements = None,
    no_build_isolation: of_asked.NoBuildIsolation = None,
    docker: of_asked.Docker = "",
    docker_args: of_asked.DockerArgs = "",
    setup_script: of_asked.SetupScript = "",
    env: of_asked.Variables = None,
    retries: of_terms.Retries = 0,
    backoff: of_terms.Backoff = "10s",
    timeout: of_terms.Timeout = "",
    after: of_terms.After = "",
    at: of_terms.At = "",
    depends_on: of_terms.DependsOn = None,
    priority: of_terms.Priority = 0,
    memory_limit: of_terms.MemoryLimit = "",
    cpus: of_terms.Cpus = None,
    submission: Annotated[
        str,
        typer.Option(
            "--submission",
            metavar="KEY",
            help="A name for this submit: repeated with it within a day, it makes no second task.",
        ),
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Send nothing: rebuild it here, and say what would differ; 0 if it would run."
        ),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the log; exit with 0 only if the task completes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a script to a queue with the exact state of its repository.

    That is the commit, uncommitted changes, untracked files and commits that no remote has.
    The script needs no change. Options come before SCRIPT; what follows it is the script's.
    """
    from agent.cli._desk import open_desk_and_server, server_time
    from agent.cli._task_json import print_json, task_json
    from elsewhere.contract.status import Status
    from elsewhere.contract.task import NewTask
    from elsewhere.parameters.overrides import parse_override
    from elsewhere.store.queue_name import checked

    # First, so that a wrong word is told before anything is captured or sent.
    overrides = dict(parse_override(text) for text in param or ())
    queue = checked(queue)
    asked = of_asked.asked(
        origin=packages, requirements=requirements or (), no_build_isolation=no_build_isolation or (),
        image=of_asked.image_of(docker, docker_args, setup_script), variables=env or (),
        needs=of_asked.needs_of(gpus, gpu_memory, memory, tag or ()),
    )  # fmt: skip
    wait = of_terms.delay(after, at)
    terms = of_terms.terms(
        retries=retries, backoff=backoff, timeout=timeout, at=at, priority=priority,
        memory_limit=memory_limit, cpus=cpus,
    )  # fmt: skip
    if dry_run:
        raise typer.Exit(_rehearse(_capture(script, arguments or [], module), asked, as_json))
    with open_desk_and_server() as (store, connection):
        terms = replace(
            terms,
            parents=tuple(dict.fromkeys(store.resolve(parent) for parent in depends_on or ())),
            run_at=terms.run_at if wait is None else server_time(connection) + wait,
        )
        nobody = not store.serving(queue)
        captured = _capture(script, arguments or [], module)
        new = NewTask(
            project=project or captured.root.name,
            name=name or (script.rpartition(".")[2] if module else Path(script).stem),
            spec=asked.fulfilled(captured),
            parameters=overrides,
            overrides=tuple(overrides),
            terms=terms,
        )
        sent = _submit(store, new, captured, queue, submission)
        task = sent.task
        if nobody and task.status is Status.QUEUED:
            _say(f"warning: no agent serves the queue {queue} now; `agent daemon --queue {queue}` would")
        if not as_json:
            _tell(sent)
        if follow:
            _follow(store, task.id, as_json)
            task = store.get(task.id)
    if as_json:
        print_json(task_json(task))
    if follow:
        _say(f"task {task.id} {task.status}")
        raise typer.Exit(0 if task.status.value == "completed" else 1)


def _rehearse(captured: Capture, asked: of_asked.Asked, as_json: bool) -> int:
    """Rebuild it here instead of sending it; the exit code."""
    import hashlib

    from agent.cli._rehearsal import rehearsal_json, say, tell, temporary_place
    from agent.cli._task_json import print_json
    from agent.rehearsal import Desk, rehearse
    from elsewhere.settings import load

    spec = asked.fulfilled(captured)
    payloads = {hashlib.sha256(data).hexdigest(): data for data in captured.payloads}
    with temporary_place() as tree:
        rehearsal = rehearse(
            spec, tree, folders=load().folders, fetch=lambda blob: payloads[blob.sha256], note=say,
            desk=Desk.of(captured.root, spec.entry),
        )  # fmt: skip
    if as_json:
        print_json(rehearsal_json(rehearsal, spec))
    else:
        tell(rehearsal, spec, kept=False)
    return rehearsal.exit_code


def _submit(store: Store, new: NewTask, captured: Capture, queue: str, submission: str) -> Submitted:
    """Send it; what fails for want of a server says how to repeat it safely."""
    import uuid

    from elsewhere.contract.errors import ServerUnreachable
    from elsewhere.submission import submit

    key = submission or uuid.uuid4().hex
    try:
        return submit(store, new, captured.payloads, queue, submission=key)
    except ServerUnreachable as error:
        raise ServerUnreachable(
            error.what,
            f"Repeat the command with `--submission {shlex.quote(key)}`: that makes one task in all.",
        ) from error


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


def _tell(sent: Submitted) -> None:
    from agent.cli._standing import standing
    from elsewhere.contract.status import Status

    task, position = sent
    if task.status is Status.QUEUED:
        behind = f", behind {position} others" if position > 1 else ", behind one other" if position else ""
        waits = f", and waits {task.waits_for}" if task.waits_for else behind
        typer.echo(f"task {task.id} is queued in {task.queue}{waits}")
    else:
        message = f": {printable(task.status_message)}" if task.status_message else ""
        typer.echo(f"task {task.id} is {standing(task, lost=False)}{message}")
    typer.echo(f"follow it: agent logs -f {task.id[:12]}")
    typer.echo(f"stop it:   agent stop {task.id[:12]}")
    sys.stdout.flush()


def _follow(store: Store, task_id: str, as_json: bool) -> None:
    from elsewhere.following import TextView, follow

    # With --json, stdout is for the task alone.
    view = TextView(sys.stderr if as_json else sys.stdout)
    try:
        follow(store, task_id, view)
    except KeyboardInterrupt:
        _say(f"not following any more; the task goes on: agent logs -f {task_id[:12]}")
        raise


def _say(text: str) -> None:
    typer.echo(text, err=True)
