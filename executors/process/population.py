"""Where the processes of a tree are looked for: below the calling process, or anywhere."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil


class Population(Protocol):
    """Processes among which those of a tree are."""

    def look(self) -> list[psutil.Process]:
        """All of them, as far as one look can tell: looking is no snapshot."""
        ...

    def unmoved(self) -> bool:
        """Whether nobody can have slipped through the last look by changing parents."""
        ...


class Descendants:
    """All processes below the calling one, which is their subreaper: nobody can leave.

    Any living process below us has a living child of ours above it, or is one. So if a look
    found only dead children, and we have the same children afterwards, nobody lives.

    Args:
        known: ids of children that are part of no tree.
    """

    def __init__(self, known: AbstractSet[int]) -> None:
        self._known = known
        self._children: list[int] | None = None
        self._ended: set[int] = set()

    def look(self) -> list[psutil.Process]:
        """All processes below us, but for the known children and those that were seen dead before.

        Reads the kernel's lists of children: that costs by the size of the tree, where a
        search through all processes costs milliseconds for each hundred on the machine.
        """
        self._children = children_of("self")
        if self._children is None:
            return psutil.Process().children(recursive=True)
        # A child of ours that is dead stays so until we reap it. A tree may leave thousands,
        # and looking at each would be slower than what still forks among the living.
        self._ended &= set(self._children)
        found = []
        queue = [pid for pid in self._children if pid not in self._known | self._ended]
        while queue:
            pid = queue.pop()
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                found.append(process)
                if process.status() == psutil.STATUS_ZOMBIE:
                    self._ended.add(pid)
                else:
                    queue += children_of(pid) or []
        return found

    def unmoved(self) -> bool:
        """Whether we have the same children as in the last look."""
        return self._children == children_of("self")


class Strangers:
    """All processes of this machine but the calling one and those above it."""

    def look(self) -> list[psutil.Process]:
        """All of them."""
        this = psutil.Process()
        spared = {this, *this.parents()}
        return [process for process in psutil.process_iter() if process not in spared]

    def unmoved(self) -> bool:
        """True: on a whole machine somebody always moves; looking twice must do."""
        return True


def children_of(pid: int | str) -> list[int] | None:
    """Ids of the children of a process, ended ones too; None where the kernel does not tell."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return None
    return sorted(int(child) for text in lists for child in text.split()) if lists else None
