"""Looking at processes by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable

import psutil
from flow.world import World, eventually


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def gone(pids: Iterable[int]) -> bool:
    """Whether none of them runs."""
    return not any(runs(pid) for pid in pids)


def told(world: World, task: str, pattern: str, timeout: float = 60) -> list[int]:
    """The numbers in the first match of ``pattern`` in the task's log, once there is one."""
    found = eventually(lambda: re.search(pattern, world.log(task)), timeout, f"the log to say {pattern}")
    return [int(number) for number in found.groups()]
