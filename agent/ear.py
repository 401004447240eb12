"""Turns a blocking wait into something that a selector can wait for."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from elsewhere.contract.errors import ElsewhereError

WAIT_SECONDS = 30.0
RETRY_SECONDS = 1.0


class Ear(threading.Thread):
    """Listens to a bell in a thread of its own; ``fileno`` is readable once it has rung.

    Args:
        listen: waits for the bell, that many seconds at most; raises when no server answers.
    """

    def __init__(self, listen: Callable[[float], object]) -> None:
        super().__init__(name="ear", daemon=True)
        self._listen = listen
        self._heard, self._tell = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._tell, False)
        self._over = threading.Event()

    def fileno(self) -> int:
        """What the selector waits for."""
        return self._heard

    def ring(self) -> None:
        """Make ``fileno`` readable from here: from a signal handler, or another thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._tell, b"!")

    def clear(self) -> None:
        """Make it unreadable until the next ring."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._heard, 512):
                pass

    def stop(self) -> None:
        """Listen no more, soon; the thread is a daemon thread and holds nobody up."""
        self._over.set()

    def run(self) -> None:
        """Listen until ``stop``."""
        while not self._over.is_set():
            try:
                self._listen(WAIT_SECONDS)
            except ElsewhereError:
                self._over.wait(RETRY_SECONDS)
            self.ring()
