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
    """What an agent can give to one more task; a task whose ``Needs`` go beyond it is left for others."""

    gpus: int = 0
    """GPUs that nobody uses."""
    tags: tuple[str, ...] = ()
    memory_bytes: int = 0
    """0 means unknown, and satisfies every need for memory."""
    gpu_memory: tuple[int, ...] = ()
    """Bytes that can still be had of each GPU's memory, of those that may be shared; in any order."""
    without_gpus: bool = True
    """Whether there is a place for a task that asks for no GPU."""
    lends_gpus: bool = False
    """Whether the task in that place is given GPUs all the same, so that others do not get them."""

    @property
    def empty(self) -> bool:
        """Whether no task at all can fit."""
        return not (self.gpus or self.gpu_memory or self.without_gpus)


@dataclass(frozen=True)
class Reserve:
    """How a task too large for what is free now is kept from being passed over for ever.

    Once it has been passed over for ``after_seconds``, by the server's clock, one agent that
    could ever run it gives nothing that it needs to tasks behind it.
    """

    capacity: Offer
    """What the agent offers while it runs nothing."""
    after_seconds: float = 60.0
    across_queues: bool = False
    """Keep room from the tasks of all queues, also of those that are served before the task's own."""
