"""`agent daemon`: serve queues on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from agent.cli._options import AsJson

if TYPE_CHECKING:
    from agent.config import OnPartition


def command(
    queue: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
        typer.Option("--queue", metavar="QUEUE", help="Queue to serve; repeat it, the first has priority."),
    ] = None,
    slots: Annotated[
        int, typer.Option("--slots", metavar="N", min=1, help="Tasks that may run at once.")
    ] = 1,
    gpus: Annotated[
        str, typer.Option("--gpus", metavar="LIST", help="GPUs to deal to the slots, such as 0,1.")
    ] = "",
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option("--tag", metavar="TAG", help="What this machine offers to tasks that need it."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of this agent; else the machine's.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Run one task to its end, then exit.")] = False,
    exit_when_idle: Annotated[
        float,
        typer.Option(
            "--exit-when-idle",
            metavar="SECONDS",
            show_default=False,
            help="Exit after so long without a task; else never.",
        ),
    ] = -1.0,
    heartbeat: Annotated[
        float, typer.Option("--heartbeat", metavar="SECONDS", min=0.05, help="Time between signs of life.")
    ] = 5.0,
    lease: Annotated[
        float,
        typer.Option(
            "--lease", metavar="SECONDS", min=0.2, help="Silence after which others may take a task over."
        ),
    ] = 20.0,
    grace: Annotated[
        float,
        typer.Option(
            "--grace", metavar="SECONDS", min=0, help="Time between SIGTERM and SIGKILL for what is stopped."
        ),
    ] = 10.0,
    on_partition: Annotated[
        str,
        typer.Option(
            "--on-partition",
            metavar="continue|stop",
            help="While no server answers: run until the lease is about to end, or stop at once.",
        ),
    ] = "continue",
    fair: Annotated[
        bool, typer.Option("--fair", help="Serve the queues in turn: none has priority.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve queues: take their tasks and run them on this machine."""
    from agent.config import DaemonConfig
    from agent.daemon import run
    from elsewhere.contract.errors import UsageError
    from elsewhere.settings import load

    if lease < 2 * heartbeat:
        raise UsageError(
            f"a lease of {lease:g} s is too short for a heartbeat every {heartbeat:g} s",
            "Make --lease at least twice --heartbeat.",
        )
    config = DaemonConfig(
        settings=load(),
        name=name or None,
        queues=tuple(dict.fromkeys(queue or ("default",))),
        slots=slots,
        gpus=tuple(gpu for gpu in gpus.replace(" ", "").split(",") if gpu),
        tags=tuple(dict.fromkeys(tag or ())),
        once=once,
        exit_when_idle=exit_when_idle if exit_when_idle >= 0 else None,
        heartbeat_seconds=heartbeat,
        lease_seconds=lease,
        stop_grace_seconds=grace,
        on_partition=_on_partition(on_partition),
        fair=fair,
        json_log=as_json,
    )
    raise typer.Exit(run(config))


def _on_partition(text: str) -> OnPartition:
    from elsewhere.contract.errors import UsageError

    if text == "continue":
        return "continue"
    if text == "stop":
        return "stop"
    raise UsageError(
        f"--on-partition: {text!r} is neither", "Give --on-partition continue, or --on-partition stop."
    )
