"""On what terms a task runs: when, after whom, before whom, how long, how often, how large."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the kernel holds an attempt's whole tree of processes to, where the agent may set it."""

    memory_bytes: int | None = None
    cpus: float | None = None
    """Processors' worth of time, such as 1.5."""


@dataclass(frozen=True)
class Terms:
    """What was agreed at submit, beside what must be rebuilt."""

    priority: int = 0
    """Higher ones stand before lower ones in their queue; equal ones in order of arrival."""
    run_at: float | None = None
    """Not before this moment: seconds since the epoch, by the server's clock."""
    parents: tuple[str, ...] = ()
    """Ids of tasks that must complete first; when one ends otherwise, this one is stopped."""
    retries: int = 0
    """How often a script that failed is run again. Attempts that were lost do not count."""
    backoff_seconds: float = 10.0
    """Wait before the first retry; doubled with each further one."""
    timeout_seconds: float | None = None
    """How long one run of the script may take before it is stopped."""
    limits: Limits = Limits()
