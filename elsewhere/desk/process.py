"""Processes of this machine, told apart for good: by their id and the moment they started."""

from __future__ import annotations

import os


def host() -> str:
    """This machine's name; a container has one of its own."""
    return os.uname().nodename


def started(pid: int) -> str:
    """When a process started, as a mark that no later one with that id has; "" where nobody knows.

    A process that is not there has none either.
    """
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - `pathlib` costs more to import than this
            text = file.read()
    except OSError:
        return ""
    # The name, in brackets, may hold anything.
    return text.rpartition(")")[2].split()[19]


def mark(pid: int | None = None) -> str:
    """A process of this machine in a word, such as ``4711-88120``; None means this one."""
    pid = os.getpid() if pid is None else pid
    return f"{pid}-{started(pid)}"


def lives(marked: str) -> bool:
    """Whether the process of that mark is still there."""
    pid, _, moment = marked.partition("-")
    if not pid.isdigit():
        return False
    if moment:
        return started(int(pid)) == moment
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
