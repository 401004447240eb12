"""Which GPUs somebody else computes on."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

import psutil

from agent.gpu.port import Gpu, Gpus

FRESH_SECONDS = 1.0
"""A reading is believed for so long: it costs milliseconds, and claims may follow one another fast."""


class Foreign:
    """Sees processes on GPUs that belong to no attempt of this agent.

    What an attempt that ended has left behind counts, too, until it is gone: its memory is not free.
    A GPU that does not answer any more counts as taken. Where the driver does not tell who computes,
    nobody does.

    Args:
        devices: UUIDs of the GPUs that are looked at.
    """

    def __init__(self, gpus: Gpus, devices: Sequence[str]) -> None:
        self._gpus = gpus
        self._devices = tuple(devices)
        self._seen: frozenset[str] = frozenset()
        self._until = 0.0

    def occupied(self, tasks: Collection[str]) -> frozenset[str]:
        """UUIDs of the GPUs to keep off, while attempts at these tasks are our own."""
        if time.monotonic() >= self._until:
            readings = {gpu.uuid: gpu for gpu in self._gpus.look()}
            self._seen = frozenset(
                uuid for uuid in self._devices if uuid not in readings or _is_taken(readings[uuid], tasks)
            )
            self._until = time.monotonic() + FRESH_SECONDS
        return self._seen

    def look_again(self) -> None:
        """Believe the last reading no more: something has changed that we know of."""
        self._until = 0.0


def _is_taken(gpu: Gpu, tasks: Collection[str]) -> bool:
    return any(not _is_ours(process.pid, tasks) for process in gpu.processes or ())


def _is_ours(pid: int, tasks: Collection[str]) -> bool:
    """Whether the process, or one that it descends from, was started for one of the tasks.

    What attempts start inherits their task's id, in containers too. A process that we may not
    look into, or that is not there under this id, is not ours.
    """
    try:
        process = psutil.Process(pid)
        family = [process, *process.parents()]
    except psutil.Error:
        return False
    return any(_task_of(member) in tasks for member in family)


def _task_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("ELSEWHERE_TASK_ID")
    except (psutil.Error, OSError):
        return None
