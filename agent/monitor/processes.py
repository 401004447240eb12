"""What a tree of processes takes, read from the kernel's own files in a few microseconds each.

Not by psutil: it opens three files where this opens one, and looks for a tree by reading every
process of the machine.

Memory is told twice. The proportional set size (PSS) is the true one: pages that forked workers
share count once. The kernel walks all pages for it, which for a large tree takes longer than all
the rest together: so the caller says when. The resident set size (RSS) is cheap and comes with
every look, but counts a page once for each process that maps it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LONGEST_FILE = 64 * 1024
MOST_PROCESSES = 10_000
"""A look at a tree that grows without end comes to its own end."""


@dataclass(frozen=True)
class Look:
    """A tree at one moment. Totals only ever grow, as long as nobody leaves the tree unseen."""

    processes: int
    cpu_seconds: float
    """Total, those of the tree's ended and reaped processes among it."""
    rss_bytes: int
    pids: tuple[int, ...]
    read_bytes: int | None
    """Total; None where the kernel does not let us see it, as with another user's processes."""
    written_bytes: int | None


class ProcessTree:
    """All processes below one, and itself.

    Args:
        pid: the process at its top.
        adopter: the process that gets the tree's orphans (its subreaper), all of whose children
            belong to the tree: what a daemon takes counts, too.
    """

    def __init__(self, pid: int, adopter: int | None = None) -> None:
        self._pid = pid
        self._adopter = adopter
        self._started = _started(pid)

    def look(self) -> Look | None:
        """The tree now; None once its top is gone and has left nobody behind."""
        ticks = pages = living = 0
        transfers: list[tuple[int, int]] = []
        found: list[int] = []
        queue = self._tops()
        seen = set(queue)
        while queue and len(seen) < MOST_PROCESSES:
            pid = queue.pop()
            fields = _stat(pid)
            if not fields:
                continue
            found.append(pid)
            # Own time, then that of children that it has waited for: none is lost when one ends.
            ticks += sum(map(int, fields[11:15]))
            if fields[0] in (b"Z", b"X"):
                continue
            living += 1
            pages += int(fields[21])
            transfer = _transfer(pid)
            if transfer is not None:
                transfers.append(transfer)
            below = [child for child in _children(pid) if child not in seen]
            seen.update(below)
            queue += below
        if not found:
            return None
        return Look(
            processes=living,
            cpu_seconds=(ticks + self._inherited()) / TICKS,
            rss_bytes=pages * PAGE_BYTES,
            pids=tuple(found),
            read_bytes=sum(read for read, _ in transfers) if transfers else None,
            written_bytes=sum(written for _, written in transfers) if transfers else None,
        )

    def _tops(self) -> list[int]:
        own = [self._pid] if self._started and _started(self._pid) == self._started else []
        adopted = [] if self._adopter is None else _children(self._adopter)
        return [*own, *(pid for pid in adopted if pid not in own)]

    def _inherited(self) -> int:
        """Ticks of the children that the adopter has waited for."""
        fields = _stat(self._adopter) if self._adopter is not None else []
        return sum(map(int, fields[13:15]))


def pss_bytes(look: Look) -> int | None:
    """The proportional set size of the tree; None where the kernel tells none of it.

    What it does not tell of a single process, since it is another user's, is not in it.
    """
    told = [size for pid in look.pids if (size := _pss(pid)) is not None]
    return sum(told) if told else None


def _pss(pid: int) -> int | None:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return None


def _stat(pid: int) -> list[bytes]:
    """The fields of a process from its state on; none when it is gone."""
    # The name before them is in brackets, and may hold blanks and brackets itself.
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()


def _started(pid: int) -> bytes:
    """When the process began: with its id, its identity. Empty when it is gone."""
    fields = _stat(pid)
    return fields[19] if fields else b""


def _transfer(pid: int) -> tuple[int, int] | None:
    """Bytes that a process and its reaped children have read from disks and written to them."""
    lines = dict(line.split(b": ", 1) for line in _read(f"/proc/{pid}/io").splitlines())
    return (int(lines[b"read_bytes"]), int(lines[b"write_bytes"])) if b"write_bytes" in lines else None


def _children(pid: int) -> list[int]:
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)  # noqa: PTH208 - a path object for each thread would cost the most of all
    except OSError:
        return []
    # Each thread has its own list of children.
    return [int(child) for thread in threads for child in _read(f"{folder}/{thread}/children").split()]


def _read(path: str) -> bytes:
    """A small file of the kernel; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, LONGEST_FILE)
    except OSError:  # the process ended meanwhile, or is another user's
        return b""
    finally:
        os.close(descriptor)
