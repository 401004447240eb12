"""What all parts of the store in memory share: the shelves, and the one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from elsewhere.store.log_rules import CAP_BYTES, check_numbered, gap
from elsewhere.store.memory.moves import Moves
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.series import rules


class Held:
    """Shelves of tasks under one lock, and blobs."""

    def __init__(
        self,
        *,
        log_cap: int = CAP_BYTES,
        series_cap: int = rules.CAP_BYTES,
        most_series: int = rules.MOST_SERIES,
        serving: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._log_cap = log_cap
        self._series_cap = series_cap
        self._most_series = most_series
        self._serving = dict(serving or {})
        self._submissions: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self._moves = Moves(self._changed)
        self.queues = self._moves.queues

    @contextmanager
    def _numbered(
        self, task_id: str, what: str, attempt: int | None, sequence: int | None
    ) -> Iterator[Shelf | None]:
        """The task's shelf, under the lock, for a write that is fenced; None where it came before."""
        check_numbered(sequence, attempt)
        with self._changed:
            shelf = self._moves.shelf(task_id)
            if attempt is not None:
                shelf.fence(attempt, what)
            if sequence is None or sequence == shelf.sequence + 1:
                yield shelf
            elif sequence > shelf.sequence:
                raise gap(task_id, sequence, shelf.sequence + 1)
            else:
                yield None
            # Only now: a write that is refused has not used up its number.
            if sequence is not None:
                shelf.take_number(sequence)
