"""Version 1: a tree of cgroups for each controller, or for a few together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from executors.process.cgroup.hierarchy import (
    PERIOD_MICROSECONDS,
    Controller,
    quota_for,
    read_counter,
    write_knob,
)


@dataclass(frozen=True)
class Version1:
    """The caller's place in a tree of version 1: launches live right below it."""

    own: Path

    def parent(self) -> Path:
        """The caller's own cgroup: here one with processes in it may have cgroups below it too."""
        return self.own

    def enable(self, controller: Controller) -> None:
        """Nothing: a tree of version 1 offers its controllers everywhere."""

    def limit_memory(self, folder: Path, size: int) -> None:
        """Hold the cgroup to ``size`` bytes, swap included where the kernel counts that."""
        write_knob(folder / "memory.limit_in_bytes", str(size))
        with suppress(FileNotFoundError):
            write_knob(folder / "memory.memsw.limit_in_bytes", str(size))

    def limit_cpus(self, folder: Path, cpus: float) -> None:
        """Hold the cgroup to ``cpus`` processors' worth of time."""
        write_knob(folder / "cpu.cfs_period_us", str(PERIOD_MICROSECONDS))
        write_knob(folder / "cpu.cfs_quota_us", str(quota_for(cpus)))

    def oom_kills(self, folder: Path) -> int:
        """Processes of the cgroup that were killed for want of memory (counted since Linux 4.13)."""
        return read_counter(folder / "memory.oom_control", "oom_kill")
