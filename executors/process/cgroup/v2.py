"""Version 2: one tree of cgroups, in which a controller must be switched on from above.

A cgroup with processes in it cannot switch controllers on for those below it; only the root
can. Launches therefore live beside the caller's cgroup, not in it. And a cgroup of which
somebody else is the keeper is not ours to arrange: systemd hands over a part of its tree by
``Delegate=yes`` and marks the folder so. With ``DelegateSubgroup=`` a service starts inside
of what was handed to it, so that what lies beside it is its own. The caller does not move
itself further down: a service whose cgroup has controllers switched on cannot be started
again while an attempt that outlived it runs there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from executors.process.cgroup.hierarchy import (
    PERIOD_MICROSECONDS,
    Controller,
    Refusal,
    quota_for,
    read_counter,
    write_knob,
)

_DELEGATED: Final = ("user.delegate", "trusted.delegate")
"""Attributes by which systemd marks what it handed over."""
_SYSTEMD_RUNS: Final = Path("/run/systemd/system")
_ADVICE: Final = "a systemd service needs Delegate=yes and DelegateSubgroup=agent"


@dataclass(frozen=True)
class Version2:
    """The caller's place in the tree of version 2.

    Args:
        own: folder of its cgroup.
        top: the highest folder of the tree that the caller sees.
    """

    own: Path
    top: Path

    def parent(self) -> Path:
        """The root if the caller is in it, else the cgroup around the caller's own.

        Raises:
            Refusal: that one is out of sight, or not handed over to us.
        """
        if not (self.own / "cgroup.type").exists():  # only the root has no type
            return self.own
        if self.own == self.top:
            raise Refusal(f"the agent sees no cgroup above its own, and {self.own} has processes in it")
        around = self.own.parent
        # The second: nobody enters a cgroup who may not write to the one above both places.
        for needed in (around, around / "cgroup.procs"):
            if not os.access(needed, os.W_OK):
                raise Refusal(f"the agent may not write to {needed} ({_ADVICE})")
        if os.geteuid() == 0 and _SYSTEMD_RUNS.exists() and not self._delegated(around):
            raise Refusal(f"systemd has not handed {around} over to the agent ({_ADVICE})")
        return around

    def enable(self, controller: Controller) -> None:
        """Switch the controller on for the cgroups of launches, unless it is.

        Raises:
            Refusal: it is not offered, or there are processes in the cgroup around them.
        """
        around = self.parent()
        if controller in (around / "cgroup.subtree_control").read_text().split():
            return
        if controller not in (around / "cgroup.controllers").read_text().split():
            raise Refusal(f"the {controller} controller is not offered in {around}")
        try:
            write_knob(around / "cgroup.subtree_control", f"+{controller}")
        except OSError as error:
            raise Refusal(f"the {controller} controller cannot be enabled in {error.filename}: "
                          f"{error.strerror} ({_ADVICE})") from error  # fmt: skip

    def limit_memory(self, folder: Path, size: int) -> None:
        """Hold the cgroup to ``size`` bytes, and keep it off swap where the kernel counts that."""
        write_knob(folder / "memory.max", str(size))
        with suppress(FileNotFoundError):
            write_knob(folder / "memory.swap.max", "0")

    def limit_cpus(self, folder: Path, cpus: float) -> None:
        """Hold the cgroup to ``cpus`` processors' worth of time."""
        write_knob(folder / "cpu.max", f"{quota_for(cpus)} {PERIOD_MICROSECONDS}")

    def oom_kills(self, folder: Path) -> int:
        """Processes of the cgroup and those below it that were killed for want of memory."""
        return read_counter(folder / "memory.events", "oom_kill")

    def _delegated(self, folder: Path) -> bool:
        """Whether it or one above it was handed over, and with it all that lies below."""
        for place in (folder, *folder.parents):
            for attribute in _DELEGATED:
                with suppress(OSError):
                    if os.getxattr(place, attribute) == b"1":
                        return True
            if place == self.top:
                break
        return False
