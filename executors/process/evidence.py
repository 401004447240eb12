"""Evidence that the kernel ended a launch for want of memory.

A process that was killed by SIGKILL does not know by whom. The kernel says so in three
places, the first of which is there for a launch with a memory limit only: the counter of
its own cgroup; the kernel's log, which names the process; and the counter of the cgroup that
it shared with others, which does not. The last is asked only where the log cannot be read or
speaks of other ids (in a container); it may be wrong if somebody kills the command by hand
while the kernel kills its neighbour.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from executors.process.cgroup import Hold, own_memory
from executors.process.cgroup.hierarchy import Hierarchy
from executors.process.ends import await_readable

_LOG: Final = Path("/dev/kmsg")
_NAMESPACE: Final = Path("/proc/self/ns/pid")
_FIRST_PROCESSES: Final = 4026531836
"""Number of the namespace in which the log's process ids are meant."""
_LONGEST_RECORD: Final = 8192
_MOST_RECORDS: Final = 20_000
_PRIORITIES_OF_OTHERS: Final = 8
"""From here on a record was written by a program, not by the kernel."""
_LATE_SECONDS: Final = 0.2
"""The kernel kills first and writes about it afterwards."""


class Evidence(Protocol):
    """Collected from just before the start of the command."""

    def convicts(self, pid: int, code: int) -> bool:
        """Whether want of memory ended the command ``pid``, which ended with ``code``."""
        ...

    def close(self) -> None:
        """Let go of what is held open. Safe to repeat."""
        ...


def collect(hold: Hold | None) -> Evidence | None:
    """Begin to collect, before the command starts; None where this machine tells nothing."""
    if hold is not None and hold.counts_oom_kills:
        return OwnCounter(hold)
    try:
        if _NAMESPACE.stat().st_ino == _FIRST_PROCESSES:
            return KernelLog()
    except OSError:
        pass
    memory = own_memory()
    return None if memory is None else SharedCounter(*memory)


class OwnCounter:
    """The counter of the launch's own cgroup: it counts nobody else's processes."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    def convicts(self, pid: int, code: int) -> bool:
        """Whether something of the tree was killed, and the command failed."""
        del pid
        return code != 0 and self._hold.oom_kills() > 0

    def close(self) -> None:
        """Nothing: the cgroup is the launch's."""


class KernelLog:
    """What the kernel writes from now on. Opening it costs microseconds, and it is read only at need.

    Raises:
        OSError: we may not read it.
    """

    def __init__(self) -> None:
        self._log: int | None = os.open(_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self._log, 0, os.SEEK_END)

    def convicts(self, pid: int, code: int) -> bool:
        """Whether the command was killed, and the kernel says that it did so."""
        if code != -signal.SIGKILL or self._log is None:
            return False
        named = b"Killed process %d (" % pid
        deadline = time.monotonic() + _LATE_SECONDS
        for _ in range(_MOST_RECORDS):
            try:
                record = os.read(self._log, _LONGEST_RECORD)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not await_readable(self._log, left):
                    return False
            except BrokenPipeError:  # what came next has been overwritten
                continue
            except OSError:
                return False
            else:
                # ``PRIORITY,...;TEXT``. Anybody who may write there can write the same text, but
                # not with a priority of the kernel's; and no name of a process is that long.
                priority, _, rest = record.partition(b",")
                if int(priority) < _PRIORITIES_OF_OTHERS and named in rest:
                    return True
        return False

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            os.close(self._log)
            self._log = None


class SharedCounter:
    """The counter of the cgroup in which the command starts, as the caller and others do."""

    def __init__(self, hierarchy: Hierarchy, folder: Path) -> None:
        self._hierarchy = hierarchy
        self._folder = folder
        self._before = hierarchy.oom_kills(folder)

    def convicts(self, pid: int, code: int) -> bool:
        """Whether the command was killed, and the kernel has killed something since."""
        del pid
        with suppress(OSError):
            return code == -signal.SIGKILL and self._hierarchy.oom_kills(self._folder) > self._before
        return False

    def close(self) -> None:
        """Nothing: no file stays open."""
