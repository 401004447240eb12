"""How much memory this machine has for tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""What a container that we run in is held to, by version 2 and version 1 of the kernel's control groups."""


def total() -> int:
    """Bytes of the machine, or of the container that the agent runs in where that has fewer."""
    bounds = [psutil.virtual_memory().total]
    for path in _LIMITS:
        try:
            bounds.append(int(path.read_text()))
        except (OSError, ValueError):
            continue  # not there, or "max"
    return min(bounds)
