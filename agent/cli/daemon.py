"""`agent daemon`: serve queues on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from agent.cli import _containers, _gpus
from agent.cli._options import AsJson

if TYPE_CHECKING:
    from agent.config import OnPartition


def command(
    queue: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
        typer.Option("--queue", metavar="QUEUE", help="Queue to serve; repeat it, the first has priority."),
    ] = None,
    slots: _gpus.Slots = None,
    gpus: _gpus.Gpus = "",
    slots_per_gpu: _gpus.SlotsPerGpu = None,
    skip_busy_gpus: _gpus.SkipBusyGpus = False,
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
    packages: _containers.PackagesOrigin = "",
    docker: _containers.Docker = None,
    docker_args: _containers.DockerArguments = "",
    as_json: AsJson = False,
) -> None:
    """Serve queues: take their tasks and run them on this machine.

    With --gpus, a task gets the GPUs that it asks for, or a share of one, as they come free. One
    that asks for none gets a GPU all the same, unless --slots gives such tasks places of their own.
    """
    from agent.config import DaemonConfig
    from agent.daemon import run
    from elsewhere.configuration import Table
    from elsewhere.contract.errors import UsageError
    from elsewhere.settings import load

    if lease < 2 * heartbeat:
        raise UsageError(
            f"a lease of {lease:g} s is too short for a heartbeat every {heartbeat:g} s",
            "Make --lease at least twice --heartbeat.",
        )
    words = _gpus.gpu_words(gpus)
    cpu_slots, per_gpu = _gpus.places(words, slots, slots_per_gpu, skip_busy=skip_busy_gpus)
    settings = load()
    config = DaemonConfig(
        settings=settings,
        name=name or None,
        queues=tuple(dict.fromkeys(queue or ("default",))),
        slots=cpu_slots,
        gpus=words,
        slots_per_gpu=per_gpu,
        skip_busy_gpus=skip_busy_gpus,
        reserve_after_seconds=Table("daemon", settings.folders, ("reserve_after",)).number(
            "reserve_after", 60
        ),
        tags=tuple(dict.fromkeys(tag or ())),
        once=once,
        exit_when_idle=exit_when_idle if exit_when_idle >= 0 else None,
        heartbeat_seconds=heartbeat,
        lease_seconds=lease,
        stop_grace_seconds=grace,
        on_partition=_on_partition(on_partition),
        fair=fair,
        packages_origin=_containers.packages_origin(packages),
        docker=docker is not None,
        docker_image=docker or "",
        docker_arguments=_containers.docker_arguments(docker_args, docker),
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
