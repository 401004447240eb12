"""Notices the end of supervisors, which are not our children: nobody else tells us."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Final

from agent.state import ProcessMark

_POLL_SECONDS: Final = 1.0
"""Only where the kernel has no process descriptors (macOS, Linux before 5.3)."""


class Watch:
    """Rings once for each watched process that ends; used by the daemon's loop alone."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._ended: list[str] = []
        self._lock = threading.Lock()

    def add(self, name: str, mark: ProcessMark | None) -> None:
        """Watch the process of ``mark``; None, or one that is gone, has ended already."""
        thread = threading.Thread(target=self._wait, args=(name, mark), name=f"watch {name}", daemon=True)
        thread.start()

    def ended(self) -> list[str]:
        """Names of those that ended since the last call."""
        with self._lock:
            names, self._ended = self._ended, []
        return names

    def _wait(self, name: str, mark: ProcessMark | None) -> None:
        if mark is not None and mark.alive:
            _wait_for_end(mark)
        with self._lock:
            self._ended.append(name)
        self._ring()


def _wait_for_end(mark: ProcessMark) -> None:
    try:
        descriptor = os.pidfd_open(mark.pid)
    except (AttributeError, OSError):
        while mark.alive:
            threading.Event().wait(_POLL_SECONDS)
        return
    try:
        # The id may have been given again between the look and the open: look once more.
        if mark.alive:
            select.select([descriptor], [], [])
    finally:
        os.close(descriptor)
