"""What a store promises, whatever backs it. Its test suite is ``tests/store``.

Every write is atomic and safe to repeat. Every status change is a compare-and-move:
it is refused unless the task stands where the caller believes. Writes on behalf of
an attempt carry its number, the fence: the store refuses an older one with ``LateWrite``.
All methods may be called from any thread, and raise ``ServerUnreachable`` when the
backing does not answer.
"""

from __future__ import annotations

from typing import Protocol

from elsewhere.store.promises.edits import Edits
from elsewhere.store.promises.kept import Kept
from elsewhere.store.promises.measured import Measured
from elsewhere.store.promises.queueing import Queueing
from elsewhere.store.promises.results import Results
from elsewhere.store.promises.tasks import Tasks


class Store(Tasks, Queueing, Edits, Results, Measured, Kept, Protocol):
    """Where tasks live."""

    def serving(self, queue: str) -> list[str]:
        """Names of the agents that are alive and serve ``queue``."""
        ...

    def close(self) -> None:
        """Give back connections. The store may not be used afterwards."""
        ...
