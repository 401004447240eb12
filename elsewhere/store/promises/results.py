"""What attempts leave: the log, events, and what was built for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from elsewhere.contract.built import Built
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.task import LogChunk, LogKind


class Results(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

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
        """Append chunk number ``sequence`` (from 1, without gaps) of an attempt to the log.

        Everything that an attempt writes in order, log chunks, events, parameters, scalars and what
        was built, shares one line of numbers. A number that was already taken is dropped in silence,
        so a call whose answer was lost may be repeated. ``skipped`` numbers before this one were given up
        by the writer. A ``live`` chunk is replaced by whatever the log gets next. Over the store's
        cap (64 MiB a task) the oldest chunks are cut.

        Raises:
            LateWrite: ``attempt`` is not the task's newest, or the task has ended.
            ValueError: the number leaves a gap.
        """
        ...

    def read_log(self, task_id: str, after: str = "", limit: int = 1000) -> list[LogChunk]:
        """At most ``limit`` chunks after position ``after`` ("" is the start), in order.

        Where the cap has cut the beginning, the first chunk read from the start is a ``note``
        that says how many bytes are missing.
        """
        ...

    def follow_log(self, task_id: str, after: str = "") -> Iterator[LogChunk]:
        """Chunks after ``after`` as they come, until the ``end`` chunk, which is the last one given.

        Waiting is a blocking read, never a poll. The iterator also ends, without an ``end``
        chunk, when the task has ended without one.
        """
        ...

    def record_event(
        self,
        task_id: str,
        kind: EventKind,
        detail: str = "",
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append to the task's events; ``sequence`` as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
        """
        ...

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first (the newest 1,000)."""
        ...

    def set_built(
        self, task_id: str, built: Built, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Keep what the attempt's environment really holds; ``sequence`` as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def built(self, task_id: str) -> Built | None:
        """What the environment of the newest attempt that came so far held; None before the first.

        Raises:
            SchemaError: another version of Elsewhere wrote it.
        """
        ...
