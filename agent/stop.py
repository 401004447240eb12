"""The one source of an attempt's stop, with its reason; the first reason wins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elsewhere.contract.outcome import Lost, Stopped


class StopAsked(Exception):
    """Unwinds the story of an attempt whose stop was asked for; never leaves ``attempt.py``."""


class Stop:
    """Asked for by a user, a signal or a lost lease; followed wherever the attempt stands.

    Whatever takes long registers, for as long as it takes, how it can be ended early.
    Thread-safe. Asking twice does nothing more, except that a shorter grace is followed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Stopped | Lost | None = None
        self._grace = 0.0
        self._end: Callable[[float], None] | None = None
        self._asked = threading.Event()

    @property
    def reason(self) -> Stopped | Lost | None:
        """Why the attempt must end, or None as long as it need not."""
        return self._reason

    def ask(self, reason: Stopped | Lost, grace: float) -> None:
        """Ask for the end, ``grace`` seconds between the polite and the final signal."""
        with self._lock:
            first = self._reason is None
            if first:
                self._reason = reason
                self._asked.set()
            if not first and grace >= self._grace:
                return
            self._grace = grace
            end = self._end
        if end is not None:
            self._follow(end, grace)

    def ask_soon(self, reason: Stopped | Lost, grace: float) -> None:
        """Like ``ask``, from a signal handler, which must not wait for a lock."""
        threading.Thread(target=self.ask, args=(reason, grace), name="stop", daemon=True).start()

    def check(self) -> None:
        """Raise ``StopAsked`` if the end was asked for."""
        if self._reason is not None:
            raise StopAsked

    def sleep(self, seconds: float) -> None:
        """Wait so long; raise ``StopAsked`` as soon as the end is asked for."""
        self._asked.wait(seconds)
        self.check()

    @contextmanager
    def ends_by(self, end: Callable[[float], None]) -> Iterator[None]:
        """While the block runs, a stop calls ``end(grace)`` in a thread of its own."""
        with self._lock:
            self._end = end
            pending = self._reason is not None
        if pending:
            self._follow(end, self._grace)
        try:
            yield
        finally:
            with self._lock:
                self._end = None

    @staticmethod
    def _follow(end: Callable[[float], None], grace: float) -> None:
        # A thread of its own: the asker is the heartbeat, which must go on renewing meanwhile.
        threading.Thread(target=end, args=(grace,), name="stop", daemon=True).start()
