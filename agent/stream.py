"""From the script's pipe to the store: pump into the journal, send from the journal.

Two threads, so that a slow or absent server slows nobody: the pump only ever waits for
the script and the disk, the sender only for the journal and the server.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import select
import sys
import termios
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from agent.carriage import Carriage
from agent.journal import Entry, EntryKind, Journal
from elsewhere.contract.errors import (
    DiskFull,
    ElsewhereError,
    LateWrite,
    ServerUnfit,
    ServerUnreachable,
    TaskNotFound,
)

CHUNK_BYTES: Final = 256 * 1024
"""The largest chunk; with many small lines, what comes within COALESCE_SECONDS is one chunk."""

COALESCE_SECONDS: Final = 0.02
LARGE_BYTES: Final = CHUNK_BYTES // 4
"""So much is a chunk of its own at once."""
GLANCE_SECONDS: Final = 0.003
"""How often a script that prints line by line is looked at, instead of at each of its lines."""

TAIL_BYTES: Final = 16 * 1024
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0)

LIVE_SECONDS: Final = 0.1
"""At least so long between two states of a progress bar that are sent."""

DISK_PATIENCE_SECONDS: Final = 60.0
"""How long a full disk holds up the script before the rest of its log is given up."""

Deliver = Callable[[Entry, int], None]
"""Brings an entry to the store, after so many numbers that were given up; raises what the store does."""


class Pump(threading.Thread):
    """Copies a pipe into the journal until its end, and remembers the last of it.

    While the journal's disk is full, the pump waits, and with it, once the pipe is full, the
    script: nothing is lost. After DISK_PATIENCE_SECONDS it gives up the log for the script.
    """

    def __init__(self, pipe: int, journal: Journal, echo: Callable[[bytes], None] | None = None) -> None:
        super().__init__(name="pump", daemon=True)
        self._pipe = pipe
        self._journal = journal
        self._echo = echo
        self._hangup = select.poll()
        self._hangup.register(pipe, 0)
        self._carriage = Carriage()
        self._tail = b""
        self._cut_at = 0.0
        self._live_at = 0.0
        self._shown = b""
        self.failure: ElsewhereError | None = None

    @property
    def tail(self) -> bytes:
        """The last bytes that came, at most TAIL_BYTES."""
        return self._tail

    def run(self) -> None:
        """Copy until end of file; on failure go on reading, so that the script never blocks."""
        while (data := self._read()) is not None:
            if data:
                self._remember(data)
                self._write("output", self._carriage.feed(data))
            self._show_state()
        self._write("output", self._carriage.finish())

    def _remember(self, data: bytes) -> None:
        self._cut_at = time.monotonic()
        self._tail = (self._tail + data)[-TAIL_BYTES:] if len(data) < TAIL_BYTES else data[-TAIL_BYTES:]
        if self._echo is not None:
            self._echo(data)

    def _show_state(self) -> None:
        """Send the state of a progress bar, not too often."""
        state = self._carriage.state
        if state != self._shown and time.monotonic() >= self._live_at:
            self._shown = state
            self._live_at = time.monotonic() + LIVE_SECONDS
            self._write("live", state)

    def _write(self, kind: EntryKind, data: bytes) -> None:
        deadline = time.monotonic() + DISK_PATIENCE_SECONDS
        while data and self.failure is None:
            try:
                self._journal.append(kind, data)
            except DiskFull as full:
                if time.monotonic() >= deadline:
                    self.failure = full
                time.sleep(0.5)
            except OSError as error:
                self.failure = DiskFull(f"the journal cannot be written: {error.strerror}")
            else:
                return

    def _read(self) -> bytes | None:
        """What comes next; None at the end; nothing when a state waits to be shown.

        Shortly after the last chunk it also takes what comes in a moment, so that many small
        lines make few chunks.
        """
        if self._carriage.state != self._shown:
            left = max(0.0, self._live_at - time.monotonic())
            if not select.select([self._pipe], [], [], left)[0]:
                return b""
        self._gather()
        return os.read(self._pipe, CHUNK_BYTES) or None

    def _gather(self) -> None:
        """Wait for output; soon after the last chunk, until there is more of it or it has ended."""
        select.select([self._pipe], [], [])
        while (left := self._cut_at + COALESCE_SECONDS - time.monotonic()) > 0:
            if _waiting_bytes(self._pipe) >= LARGE_BYTES or self._hangup.poll(
                min(left, GLANCE_SECONDS) * 1000
            ):
                return


class Sender(threading.Thread):
    """Sends the journal's entries in order, each until it is acknowledged or refused for good."""

    def __init__(self, journal: Journal, deliver: Deliver, *, after: int = 0) -> None:
        super().__init__(name="sender", daemon=True)
        self._journal = journal
        self._deliver = deliver
        self._after = after
        self._abandoned = threading.Event()
        self.refused: LateWrite | TaskNotFound | None = None
        self.failure = ""
        """Why sending ended where nobody foresaw it; what follows in the journal was not sent."""

    def run(self) -> None:
        """Send until the journal is closed and empty, the store refuses, or ``abandon`` is called."""
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 - the attempt says so at its end
            traceback.print_exc()
            self.failure = f"{type(error).__name__}: {error}"

    def _send_all(self) -> None:
        last = self._after
        for entry in self._journal.read(self._after):
            gap = entry.sequence - last - 1
            if gap and not self._send(_mark_of(gap, entry.sequence - 1), gap - 1):
                return
            if not self._send(entry, 0):
                return
            last = entry.sequence
            if last % 64 == 0:
                self._journal.forget(last)

    def abandon(self) -> None:
        """Give up on what was not sent: somebody else owns the task."""
        self._abandoned.set()

    def _send(self, entry: Entry, skipped: int) -> bool:
        for attempt in itertools.count():
            if self._abandoned.is_set():
                return False
            try:
                self._deliver(entry, skipped)
            except (ServerUnreachable, ServerUnfit):
                self._abandoned.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            except (LateWrite, TaskNotFound) as refusal:
                self.refused = refusal
                return False
            else:
                return True
        return False


def _waiting_bytes(pipe: int) -> int:
    answer = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(answer, sys.byteorder)


def _mark_of(gap: int, sequence: int) -> Entry:
    text = f"{gap} pieces of the log were cut here: no server took them while the journal was full"
    return Entry(sequence, "note", text.encode())
