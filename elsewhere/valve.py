"""Lets the newest of many writes through: what is said a thousand times a second is heard twice."""

from __future__ import annotations

import os
import threading
import time
import weakref

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.write import Write

SECONDS = 0.5
"""Between two writes that are let through."""


class Valve:
    """Hands on writes, not more often than each half second, and the newest always. Thread-safe.

    What is held back is handed on when the half second is over, at ``flush``, and when the process
    ends. A forked child holds nothing: what its parent held, the parent hands on.

    Args:
        send: takes a write; one call at a time, the writes in order. What it raises comes out of
            ``put`` and ``flush``; where nobody called, it is lost with its write.
    """

    def __init__(self, send: Callable[[Write], None], seconds: float = SECONDS) -> None:
        self._send = send
        self._seconds = seconds
        self._open_at = 0.0
        self._ends_watched = False
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._held: list[Write] = []
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_anew(reference))

    def put(self, write: Write) -> None:
        """Hand ``write`` on: now, or soon if no newer one comes meanwhile."""
        with self._lock:
            wait = self._open_at - time.monotonic()
            if wait <= 0:
                self._held.clear()
                self._hand_on(write)
                return
            self._held[:] = [write]
            if self._timer is None:
                self._watch_ends()
                self._timer = threading.Timer(wait, self._flush_quietly)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Hand on what is held back, if anything is."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._held:
                self._hand_on(self._held.pop())

    def _hand_on(self, write: Write) -> None:
        self._open_at = time.monotonic() + self._seconds
        self._send(write)

    def _flush_quietly(self) -> None:
        from contextlib import suppress

        from elsewhere.contract.errors import ElsewhereError

        with suppress(ElsewhereError):
            self.flush()

    def _watch_ends(self) -> None:
        """However this process ends regularly, what is held back goes out first."""
        if self._ends_watched:
            return
        self._ends_watched = True
        import atexit
        import sys

        atexit.register(self._flush_quietly)
        if "multiprocessing.util" in sys.modules:  # its workers leave without what `atexit` knows
            from multiprocessing.util import Finalize

            Finalize(None, self._flush_quietly, exitpriority=100)

    def _start_anew(self) -> None:
        self._lock = threading.RLock()
        self._timer = None
        self._held = []
        self._ends_watched = False


def _start_anew(reference: Callable[[], Valve | None]) -> None:
    valve = reference()
    if valve is not None:
        valve._start_anew()
