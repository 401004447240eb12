"""The options of a submit that say on what terms the task runs."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from elsewhere import quantity
from elsewhere.contract.errors import UsageError
from elsewhere.contract.terms import Limits, Terms

Retries = Annotated[
    int, typer.Option("--retries", metavar="N", min=0, help="How often a script that failed is run again.")
]
Backoff = Annotated[
    str,
    typer.Option(
        "--backoff", metavar="DURATION", help="Wait before the first retry; doubled with each further one."
    ),
]
Timeout = Annotated[
    str,
    typer.Option(
        "--timeout", metavar="DURATION", help="Stop a run that takes longer, such as 90, 10m or 2h."
    ),
]
After = Annotated[
    str, typer.Option("--after", metavar="DURATION", help="Run it no sooner than so long from now.")
]
At = Annotated[
    str,
    typer.Option(
        "--at", metavar="TIME", help="Run it no sooner than then, such as 2030-01-31T22:00 (local time)."
    ),
]
DependsOn = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer evaluates it, also on Python 3.10
    typer.Option(
        "--depends-on",
        metavar="ID",
        help="Wait until that task completes; stop if it ends otherwise. Repeat it for several.",
    ),
]
Priority = Annotated[
    int, typer.Option("--priority", metavar="N", help="Higher ones stand before lower ones in their queue.")
]
MemoryLimit = Annotated[
    str, typer.Option("--memory-limit", metavar="SIZE", help="Memory that it may use, such as 8GiB.")
]
Cpus = Annotated[
    Optional[float],  # noqa: UP045 - as above
    typer.Option("--cpus", metavar="N", min=0.01, help="Processors' worth of time that it may use."),
]


def terms(
    *, retries: int, backoff: str, timeout: str, at: str, priority: int, memory_limit: str, cpus: float | None
) -> Terms:
    """The terms that need no server to be understood.

    Raises:
        UsageError: an option that cannot be understood; the message names it.
    """
    limit = quantity.seconds("--timeout", timeout) if timeout else None
    if limit == 0:
        raise UsageError("--timeout: no run takes no time", "Leave --timeout out for no limit.")
    return Terms(
        priority=priority,
        run_at=quantity.moment("--at", at) if at else None,
        retries=retries,
        backoff_seconds=quantity.seconds("--backoff", backoff),
        timeout_seconds=limit,
        limits=Limits(quantity.size("--memory-limit", memory_limit) if memory_limit else None, cpus),
    )


def delay(after: str, at: str) -> float | None:
    """The seconds that ``--after`` asks for; None without it.

    Raises:
        UsageError: it cannot be understood, or ``--at`` says something else.
    """
    if after and at:
        raise UsageError("--after and --at both say when the task runs", "Give --after or --at.")
    return quantity.seconds("--after", after) if after else None
