"""The right to run one attempt, and what comes back when it is taken or renewed."""

from __future__ import annotations

from dataclasses import dataclass

from elsewhere.contract.task import StopRequest, TaskRecord


@dataclass(frozen=True)
class Lease:
    """The right of one agent to run one attempt until it expires.

    ``attempt`` is the fence: every write of the attempt carries it, and the store
    refuses those that carry an older one.
    """

    task_id: str
    attempt: int
    agent: str
    seconds: float
    """How long the lease lasts from each renewal on."""


@dataclass(frozen=True)
class Claim:
    """A task that an agent took: its lease, and the task as it was at that moment."""

    lease: Lease
    task: TaskRecord


@dataclass(frozen=True)
class Renewal:
    """A lease that was renewed; ``stop`` is what somebody asked for meanwhile."""

    stop: StopRequest | None = None


@dataclass(frozen=True)
class Offer:
    """What a free slot can give; a task whose ``Needs`` go beyond it is left for others."""

    gpus: int = 0
    tags: tuple[str, ...] = ()
    memory_bytes: int = 0
    """0 means unknown, and satisfies every need for memory."""
