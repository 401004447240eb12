"""A moment until which somebody waits, and which others may bring nearer meanwhile."""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import suppress
from typing import Final

_ANY_BYTES: Final = 65536


class Deadline:
    """So many seconds from now, or fewer if somebody says so.

    Any thread may shorten it; one waits for it.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._moved, self._mover = os.pipe()
        os.set_blocking(self._moved, False)
        os.set_blocking(self._mover, False)
        weakref.finalize(self, _close, self._moved, self._mover)

    @property
    def moved(self) -> int:
        """A descriptor that is readable when the moment was brought nearer, until ``left`` is asked."""
        return self._moved

    def left(self) -> float:
        """Seconds until the moment; negative after it."""
        with self._lock:
            with suppress(BlockingIOError):
                os.read(self._moved, _ANY_BYTES)
            return self._at - time.monotonic()

    def shorten(self, seconds: float) -> None:
        """Bring the moment to ``seconds`` from now, unless it is nearer already."""
        with self._lock:
            at = time.monotonic() + seconds
            if at < self._at:
                self._at = at
                with suppress(BlockingIOError):  # full of earlier news: readable all the same
                    os.write(self._mover, b".")


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
