"""What a daemon and its supervisors are told, resolved once and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.machine import MachineConfig
from elsewhere.settings import MIB, Folders, Settings

OnPartition = Literal["continue", "stop"]
"""What an attempt does while no server can be reached: run until its lease is about to end, or stop."""


@dataclass(frozen=True)
class DaemonConfig:
    """Everything that one daemon is told. All times are in seconds."""

    settings: Settings
    name: str | None = None
    """None takes the machine's name, with a number behind it when another daemon here has that."""
    queues: tuple[str, ...] = ("default",)
    """In the order in which they are served."""
    slots: int = 1
    """Places for tasks that ask for no GPU; with ``gpus``, 0 gives those tasks a share of a GPU each."""
    gpus: tuple[str, ...] = ()
    """GPUs to deal out: numbers, UUIDs or beginnings of such; or ``all``."""
    slots_per_gpu: int = 1
    """How many tasks that ask for no GPU share one, each with as much of its memory."""
    skip_busy_gpus: bool = False
    """Keep off GPUs on which somebody else computes."""
    reserve_after_seconds: float = 60.0
    """How long a task may be passed over for want of room before room is kept free for it."""
    tags: tuple[str, ...] = ()
    once: bool = False
    """Take one task, run it to its end, and exit."""
    exit_when_idle: float | None = None
    heartbeat_seconds: float = 5.0
    lease_seconds: float = 20.0
    stop_grace_seconds: float = 10.0
    on_partition: OnPartition = "continue"
    fair: bool = False
    """Serve the queues in turn, and not the first one as long as it has something."""
    packages_origin: str = ""
    """Where packages come from, over what tasks say; "" leaves it to them. See ``Packages.origin``."""
    docker: bool = False
    """Run tasks in containers."""
    docker_image: str = ""
    """Image for tasks that name none; "" leaves it to the settings."""
    docker_arguments: tuple[str, ...] = ()
    """Options of ``docker run`` for every task, before the task's own."""
    json_log: bool = False


@dataclass(frozen=True)
class AttemptConfig:
    """What one supervisor is told. All times are in seconds."""

    redis_url: str
    folders: Folders
    state: Path
    """Folder of this attempt's state, journal and log; it outlives the supervisor when that dies."""
    heartbeat_seconds: float
    lease_seconds: float
    stop_grace_seconds: float
    on_partition: OnPartition = "continue"
    log_cap: int = 64 * MIB
    """Bytes of the task's log that the store keeps."""
    gpus: tuple[str, ...] | None = None
    """GPUs that the attempt may see; None leaves the machine's own setting."""
    machine: MachineConfig = field(default_factory=MachineConfig)
    """What the machine's owner says."""

    @property
    def renewal_margin(self) -> float:
        """How long before the end of a lease that cannot be renewed the attempt must be gone."""
        return min(self.lease_seconds / 4, 10.0)
