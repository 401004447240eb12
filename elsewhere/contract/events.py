"""What happened to a task, in order: the list that `agent show` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "created",
    "queued",
    "claimed",
    "workspace",
    "environment",
    "launched",
    "stop_requested",
    "ended",
    "requeued",
    "poisoned",
    "moved",
    "late_write_refused",
    "repaired",
    "imported",
]


@dataclass(frozen=True)
class Event:
    """One thing that happened to a task; ``time`` is in seconds since the epoch."""

    time: float
    kind: EventKind
    attempt: int
    detail: str = ""
