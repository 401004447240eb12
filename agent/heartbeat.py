"""Renews the lease while the attempt lives, and hears the stops that others ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agent.config import OnPartition
from agent.stop import Stop
from elsewhere.contract.errors import LateWrite, ServerUnfit, ServerUnreachable, TaskNotFound
from elsewhere.contract.lease import Renewal
from elsewhere.contract.outcome import Lost, Stopped


class Heartbeat(threading.Thread):
    """Renews every ``interval`` seconds, and at once when the control bell rings.

    A lease that cannot be renewed stops the attempt ``margin`` seconds before it ends:
    by then nothing of it may run, since another agent may own the task from there on.
    Time is the monotonic clock, counted from before the last renewal that succeeded was
    asked for, so the true lease always ends later than we think. A second thread watches it,
    since a call to a server that has fallen silent may hang for as long as the lease lasts.

    That is what "continue" does about a server out of reach. With "stop" the attempt ends at
    the second renewal in a row that fails.

    Args:
        renew: renews the lease; raises ``LateWrite`` when somebody else owns the task, and
            ``TaskNotFound`` when nobody knows it any more.
        wait: waits that many seconds at most for the control bell.
    """

    def __init__(
        self,
        renew: Callable[[], Renewal],
        wait: Callable[[float], None],
        stop: Stop,
        *,
        interval: float,
        lease_seconds: float,
        margin: float,
        grace: float,
        on_partition: OnPartition,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._renew = renew
        self._wait = wait
        self._stop_source = stop
        self._interval = interval
        self._patience = lease_seconds - margin
        self._on_partition = on_partition
        self._failures = 0
        self._margin = margin
        self._grace = grace
        self._over = threading.Event()
        self._renewed = time.monotonic()
        self._trouble = "the server has not answered"
        self._watcher = threading.Thread(target=self._watch, name="lease watch", daemon=True)

    def finish(self) -> None:
        """Renew no more."""
        self._over.set()

    def run(self) -> None:
        """Renew until the attempt is over or somebody else owns the task."""
        self._watcher.start()
        while not self._over.is_set():
            asked = time.monotonic()
            try:
                self._follow(self._renew())
                self._renewed = asked
                self._failures = 0
                self._wait(self._interval)
            except (LateWrite, TaskNotFound) as refusal:
                self._stop_source.ask(Lost(refusal.what), 0.0)
                return
            except (ServerUnreachable, ServerUnfit) as error:
                self._failures += 1
                self._trouble = error.what
                if self._on_partition == "stop" and self._failures >= 2:
                    self._lose()
                self._over.wait(min(1.0, self._interval))

    def _follow(self, renewal: Renewal) -> None:
        if renewal.stop is not None:
            grace = self._grace if renewal.stop.grace is None else renewal.stop.grace
            self._stop_source.ask(Stopped(renewal.stop.by), grace)

    def _watch(self) -> None:
        while (left := self._renewed + self._patience - time.monotonic()) > 0:
            if self._over.wait(left):
                return
        self._lose()

    def _lose(self) -> None:
        if not self._over.is_set():
            silence = time.monotonic() - self._renewed
            reason = f"the lease could not be renewed for {silence:.0f} s: {self._trouble}"
            self._stop_source.ask(Lost(reason), self._margin / 2)
