"""An installer that waits for a package index that does not answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.environment.installer import Addition, Ended, Installer, Job

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0


class Patient:
    """Repeats what another installer failed at because no index answered, with growing pauses.

    Args:
        seconds: how long after its first failure the last try may begin; 0 tries once.
        pause: waits so many seconds; what it raises, such as a stop, is raised.
    """

    def __init__(self, installer: Installer, seconds: float, pause: Callable[[float], None]) -> None:
        self.name = installer.name
        self.seeded = installer.seeded
        self._installer = installer
        self._seconds = seconds
        self._pause = pause
        self._failed_at: float | None = None

    def resolve(self, job: Job, requirements: Path, constraints: Path | None, lock: Path) -> Ended:
        """``resolve`` of the other."""
        return self._insist(job, lambda: self._installer.resolve(job, requirements, constraints, lock))

    def sync(self, job: Job, lock: Path) -> Ended:
        """``sync`` of the other."""
        return self._insist(job, lambda: self._installer.sync(job, lock))

    def add(self, job: Job, addition: Addition) -> Ended:
        """``add`` of the other."""
        return self._insist(job, lambda: self._installer.add(job, addition))

    def _insist(self, job: Job, call: Callable[[], Ended]) -> Ended:
        for tries in itertools.count():
            ended = call()
            if not ended.unreachable:
                self._failed_at = None
                return ended
            if self._failed_at is None:
                self._failed_at = time.monotonic()
            pause = min(FIRST_PAUSE_SECONDS * 2**tries, LONGEST_PAUSE_SECONDS)
            if time.monotonic() + pause > self._failed_at + self._seconds:
                return ended
            job.note(f"the package index does not answer; trying again in {pause:g} s")
            self._pause(pause)
        raise AssertionError("unreachable")
