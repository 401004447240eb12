"""From the script's pipe to the store: pump into the journal, send from the journal.

Two threads, so that a slow or absent server slows nobody: the pump only ever waits for
the script and the disk, the sender only for the journal and the server.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

from agent.journal import Journal
from elsewhere.contract.errors import LateWrite, ServerUnfit, ServerUnreachable
from elsewhere.contract.task import LogKind

CHUNK_BYTES: Final = 256 * 1024
"""The largest chunk; with many small lines, what comes within COALESCE_SECONDS is one chunk."""

COALESCE_SECONDS: Final = 0.02
TAIL_BYTES: Final = 16 * 1024
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0)

Append = Callable[[int, bytes, LogKind], None]
"""Sends chunk number, bytes and kind to the store; raises what ``Store.append_log`` raises."""


class Pump(threading.Thread):
    """Copies a pipe into the journal until its end, and remembers the last of it."""

    def __init__(self, pipe: int, journal: Journal, echo: Callable[[bytes], None] | None = None) -> None:
        super().__init__(name="pump", daemon=True)
        self._pipe = pipe
        self._journal = journal
        self._echo = echo
        self._tail = b""
        self.failure: Exception | None = None

    @property
    def tail(self) -> bytes:
        """The last bytes that came, at most TAIL_BYTES."""
        return self._tail

    def run(self) -> None:
        """Copy until end of file; on failure go on reading, so that the script never blocks."""
        cut_at = 0.0
        while data := self._read(cut_at):
            cut_at = time.monotonic()
            self._tail = (self._tail + data)[-TAIL_BYTES:] if len(data) < TAIL_BYTES else data[-TAIL_BYTES:]
            if self._echo is not None:
                self._echo(data)
            if self.failure is None:
                try:
                    self._journal.append("output", data)
                except Exception as error:  # noqa: BLE001 - told at the end of the attempt
                    self.failure = error

    def _read(self, last_cut: float) -> bytes:
        """What is there now; shortly after the last chunk also what comes in a moment."""
        data = os.read(self._pipe, CHUNK_BYTES)
        parts, size = [data], len(data)
        deadline = last_cut + COALESCE_SECONDS
        while data and size < CHUNK_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                break
            data = os.read(self._pipe, CHUNK_BYTES - size)
            parts.append(data)
            size += len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Sender(threading.Thread):
    """Sends the journal's chunks in order, each until it is acknowledged or refused for good."""

    def __init__(self, journal: Journal, append: Append, *, after: int = 0) -> None:
        super().__init__(name="sender", daemon=True)
        self._journal = journal
        self._append = append
        self._after = after
        self._abandoned = threading.Event()
        self.refused: LateWrite | None = None

    def run(self) -> None:
        """Send until the journal is closed and empty, the store refuses, or ``abandon`` is called."""
        for entry in self._journal.read(self._after):
            if not self._send(entry.sequence, entry.data, entry.kind):
                return
            if entry.sequence % 64 == 0:
                self._journal.forget(entry.sequence)

    def abandon(self) -> None:
        """Give up on what was not sent: somebody else owns the task."""
        self._abandoned.set()

    def _send(self, sequence: int, data: bytes, kind: LogKind) -> bool:
        for attempt in range(1_000_000_000):
            if self._abandoned.is_set():
                return False
            try:
                self._append(sequence, data, kind)
            except (ServerUnreachable, ServerUnfit):
                self._abandoned.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            except LateWrite as refusal:
                self.refused = refusal
                return False
            else:
                return True
        return False
