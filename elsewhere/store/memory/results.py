"""What attempts leave in memory: the log, events, and what was built for them."""

from __future__ import annotations

from collections.abc import Iterator

from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.task import (
    LogChunk,
    LogKind,
)
from elsewhere.store.log_rules import check_appendable
from elsewhere.store.memory.held import Held
from elsewhere.store.memory.shelf import Shelf

BITE = 64
"""Chunks that a follower is handed in one go."""


class Results(Held):
    """See ``Store`` for what each method promises."""

    def append_log(
        self,
        task_id: str,
        attempt: int,
        sequence: int,
        data: bytes,
        kind: LogKind = "output",
        *,
        skipped: int = 0,
    ) -> None:
        """Append chunk number ``sequence`` of an attempt to the log."""
        check_appendable(sequence, kind, skipped)
        with self._changed:
            shelf = self._moves.shelf(task_id)
            shelf.fence(attempt, f"log chunk {sequence}")
            if shelf.take_number(sequence, skipped):
                shelf.write(kind, data)
                shelf.cut_over(self._log_cap)
                self._changed.notify_all()

    def read_log(self, task_id: str, after: str = "", limit: int = 1000) -> list[LogChunk]:
        """At most ``limit`` chunks after position ``after``, in order."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            return shelf.read(after, limit) if shelf else []

    def follow_log(self, task_id: str, after: str = "") -> Iterator[LogChunk]:
        """Chunks after ``after`` as they come, until the log's end."""
        with self._changed:
            return self._follow(self._moves.shelf(task_id), after)

    def _follow(self, shelf: Shelf, after: str) -> Iterator[LogChunk]:
        while True:
            with self._changed:
                while not (chunks := shelf.read(after, BITE)) and not shelf.task.status.ended:
                    self._changed.wait()
            if not chunks:
                return
            for chunk in chunks:
                after = chunk.position
                yield chunk
                if chunk.kind == "end":
                    return

    def record_event(
        self,
        task_id: str,
        kind: EventKind,
        detail: str = "",
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append to the task's events."""
        with self._numbered(task_id, f"event {kind}", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.record(kind, detail)

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            return list(shelf.events) if shelf else []

    def set_built(
        self, task_id: str, built: Built, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Keep what the attempt's environment really holds."""
        with self._numbered(task_id, "built", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.built = decode(Built, encode(built))

    def built(self, task_id: str) -> Built | None:
        """What the environment of the newest attempt that came so far held."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            return shelf.built if shelf else None
