"""The hold that the kernel has on one launch: its cgroups, from their making to their removal.

A folder is locked as long as the process lives that made it. So anybody can tell what a
supervisor left behind that was killed, and clear it away, with no id of a process to trust.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from elsewhere.contract.terms import Limits
from executors.process.cgroup.hierarchy import Controller, Hierarchy, Refusal
from executors.process.cgroup.place import find

_PREFIX: Final = "elsewhere-"
_CLEARING_SECONDS: Final = 2.0
"""How long the kernel may take to let go of processes that were killed."""
_LOOK_AGAIN_SECONDS: Final = 0.01
_CONTROLLERS: Final[tuple[Controller, ...]] = ("memory", "cpu")
_GIBIBYTE: Final = 1024**3

Apply = Callable[[Hierarchy, Path], None]


class Hold:
    """The cgroups of one launch; none of them may be there, and then the notes say why.

    Not thread-safe, but for ``oom_kills``. Whoever makes it calls ``clear`` or ``leave``.
    """

    def __init__(self, limits: Limits) -> None:
        self.notes: list[str] = []
        """What of the limits is not enforced, and why."""
        self._locks: dict[Path, int] = {}
        self._counted: tuple[Hierarchy, Path] | None = None
        size, cpus = limits.memory_bytes, limits.cpus
        if size is not None:
            what = f"memory limit of {size / _GIBIBYTE:.4g} GiB"
            self._counted = self._set(what, "memory", lambda tree, at: tree.limit_memory(at, size))
        if cpus is not None:
            what = f"CPU limit of {cpus:g}"
            self._set(what, "cpu", lambda tree, at: tree.limit_cpus(at, cpus))

    @property
    def folders(self) -> list[Path]:
        """The cgroups that the command must be in before it runs."""
        return list(self._locks)

    def lose(self, folder: Path, reason: str) -> None:
        """Note that the command could not enter that cgroup."""
        if self._counted is not None and self._counted[1] == folder:
            self._counted = None
        self.notes.append(f"the limits of {folder} are not enforced: {reason}")

    @property
    def counts_oom_kills(self) -> bool:
        """Whether the launch has a cgroup of its own in which those are counted."""
        return self._counted is not None

    def oom_kills(self) -> int:
        """How many processes of the launch the kernel has killed for want of memory."""
        if self._counted is not None:
            hierarchy, folder = self._counted
            with suppress(OSError):
                return hierarchy.oom_kills(folder)
        return 0

    def clear(self) -> None:
        """Kill whoever is left inside, and remove the cgroups. Safe to repeat.

        One that cannot be emptied (a process of another user) is left to a later ``sweep``.
        """
        for folder in self.folders:
            _clear(folder, time.monotonic() + _CLEARING_SECONDS)
        self.leave()

    def leave(self) -> None:
        """Let go of the cgroups as they are: somebody else will remove them. Safe to repeat."""
        while self._locks:
            os.close(self._locks.popitem()[1])

    def _set(self, what: str, controller: Controller, apply: Apply) -> tuple[Hierarchy, Path] | None:
        try:
            hierarchy = find(controller)
            parent = hierarchy.parent()
            hierarchy.enable(controller)
            folder = self._folder_in(parent)
            apply(hierarchy, folder)
        except Refusal as refusal:
            self.notes.append(f"the {what} is not enforced: {refusal}")
        except OSError as error:
            self.notes.append(f"the {what} is not enforced: {error.filename}: {error.strerror}")
        else:
            return hierarchy, folder
        return None

    def _folder_in(self, parent: Path) -> Path:
        for folder in self._locks:
            if folder.parent == parent:
                return folder
        with _locked(parent):
            _sweep(parent)
            folder = parent / f"{_PREFIX}{uuid.uuid4().hex[:16]}"
            folder.mkdir()
            self._locks[folder] = _lock(folder)
        return folder


def sweep() -> None:
    """Remove the empty cgroups of launches whose supervisors are dead. Never raises."""
    for controller in _CONTROLLERS:
        with suppress(Refusal, OSError):
            parent = find(controller).parent()
            if any(parent.glob(f"{_PREFIX}*")):
                with _locked(parent):
                    _sweep(parent)


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            os.close(_lock(folder))  # refused as long as its maker lives
            _remove(folder)


def _clear(folder: Path, deadline: float) -> None:
    while folder.exists():
        with suppress(OSError):
            _remove(folder)
            return
        if time.monotonic() > deadline:
            return
        for pid in _inside(folder):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _inside(folder: Path) -> list[int]:
    found = []
    for members in folder.glob("**/cgroup.procs"):
        with suppress(OSError):
            found += [int(pid) for pid in members.read_text().split()]
    return [pid for pid in found if pid > 0]  # 0 stands for one in another namespace


def _remove(folder: Path) -> None:
    """Remove a cgroup, and first those that the command made in it."""
    for place, _, _ in os.walk(folder, topdown=False):
        Path(place).rmdir()


@contextmanager
def _locked(parent: Path) -> Iterator[None]:
    """Keep a sweep out between the making of a folder and its locking."""
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
