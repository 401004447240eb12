"""Waiting for processes to end without asking again and again, and without reaping them."""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Sequence
from typing import Final

import psutil

from executors.process.deadline import Deadline

_LONGEST_SECONDS: Final = 2_000_000.0
"""What ``poll`` can wait at once: its milliseconds are a C int."""

_ASK_SECONDS: Final = 0.02
"""Between two looks, on a kernel that cannot tell when a process ends."""


def open_end(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def await_readable(descriptor: int, seconds: float | None, *others: int) -> bool:
    """Whether ``descriptor`` or one of the others became readable within ``seconds``; None waits for ever."""
    poll = select.poll()
    for each in (descriptor, *others):
        poll.register(each, select.POLLIN)
    if seconds is None:
        return bool(poll.poll())
    # Rounded up, so that the wait is never shorter than was asked.
    return bool(poll.poll(math.ceil(min(max(seconds, 0.0), _LONGEST_SECONDS) * 1000)))


def await_ends(processes: Sequence[psutil.Process], deadline: Deadline) -> None:
    """Wait until all the processes have ended, at most until ``deadline``. Any process will do.

    Returns early when the deadline is brought nearer, for the caller to think again.
    """
    for process in processes:
        if not _await_end(process, deadline):
            return


def _await_end(process: psutil.Process, deadline: Deadline) -> bool:
    """Whether it is worth to wait for the next one."""
    left = deadline.left()
    if left <= 0:
        return False
    descriptor = open_end(process.pid)
    if descriptor is None:
        while _runs(process) and deadline.left() > 0:
            time.sleep(_ASK_SECONDS)
        return True
    try:
        # The id may have been given again before it was opened: then there is nothing to wait for.
        if process.is_running():
            await_readable(descriptor, left, deadline.moved)
        return not await_readable(deadline.moved, 0)
    finally:
        os.close(descriptor)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
