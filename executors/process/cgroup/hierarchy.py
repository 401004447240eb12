"""What a version of cgroups must offer for one controller, whatever its files are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal, Protocol

Controller = Literal["memory", "cpu"]

PERIOD_MICROSECONDS: Final = 100_000
"""Over which processor time is shared out: the kernel's own default."""
_SHORTEST_QUOTA_MICROSECONDS: Final = 1_000
"""What the kernel takes at least."""


class Refusal(Exception):
    """Why a controller cannot be used by us, in a phrase."""


class Hierarchy(Protocol):
    """Where the calling process stands in one tree of cgroups, and what it may do there.

    Every method may raise ``OSError``, which names the file.
    """

    @property
    def own(self) -> Path:
        """The folder of the caller's cgroup."""
        ...

    def parent(self) -> Path:
        """The folder in which cgroups of launches are made.

        Raises:
            Refusal: there is none that is ours to use.
        """
        ...

    def enable(self, controller: Controller) -> None:
        """Have the cgroups in ``parent`` offer the controller; safe to repeat.

        Raises:
            Refusal: the kernel or the machine's owner does not let us.
        """
        ...

    def limit_memory(self, folder: Path, size: int) -> None:
        """Hold the cgroup to ``size`` bytes, what it swapped out included."""
        ...

    def limit_cpus(self, folder: Path, cpus: float) -> None:
        """Hold the cgroup to ``cpus`` processors' worth of time."""
        ...

    def oom_kills(self, folder: Path) -> int:
        """How many processes of the cgroup the kernel has killed for want of memory."""
        ...


def quota_for(cpus: float) -> int:
    """Microseconds of processor time in each period."""
    return max(_SHORTEST_QUOTA_MICROSECONDS, round(cpus * PERIOD_MICROSECONDS))


def write_knob(path: Path, value: str) -> None:
    """Set one file of a cgroup. It is not made if it is missing, which plain ``open`` would try."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)


def read_counter(path: Path, name: str) -> int:
    """One entry of a file of ``name number`` lines; 0 where the kernel does not count it."""
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name:
            return int(words[1])
    return 0
