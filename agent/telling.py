"""Tells the store what happens in an attempt, without ever making the attempt wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from elsewhere.contract.errors import ElsewhereError, ServerUnreachable
from elsewhere.contract.events import EventKind

Record = Callable[[EventKind, str], None]
_RETRY_SECONDS = 1.0


class Telling(threading.Thread):
    """Sends events in order, in a thread of its own, and drops what the store refuses."""

    def __init__(self, record: Record) -> None:
        super().__init__(name="telling", daemon=True)
        self._record = record
        self._waiting: queue.SimpleQueue[tuple[EventKind, str] | None] = queue.SimpleQueue()
        self._abandoned = threading.Event()

    def tell(self, kind: EventKind, detail: str = "") -> None:
        """Have the event recorded, soon."""
        self._waiting.put((kind, detail))

    def finish(self, timeout: float) -> None:
        """Wait, ``timeout`` seconds at most, until everything was told."""
        self._waiting.put(None)
        self.join(timeout)
        self._abandoned.set()

    def run(self) -> None:
        """Record until ``finish``."""
        while (event := self._waiting.get()) is not None:
            while not self._abandoned.is_set():
                try:
                    self._record(*event)
                except ServerUnreachable:
                    self._abandoned.wait(_RETRY_SECONDS)
                    continue
                except ElsewhereError:
                    pass
                break
