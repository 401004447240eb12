"""What a daemon and its supervisors are told, resolved once and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    gpus: tuple[str, ...] = ()
    """Indices or UUIDs as CUDA_VISIBLE_DEVICES takes them, dealt to the slots in turn."""
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

    @property
    def renewal_margin(self) -> float:
        """How long before the end of a lease that cannot be renewed the attempt must be gone."""
        return min(self.lease_seconds / 4, 10.0)
