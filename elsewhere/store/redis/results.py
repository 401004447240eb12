"""What attempts leave on a server: the log, events, and what was built for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from elsewhere.contract import keys
from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.status import Status
from elsewhere.contract.task import (
    LogChunk,
    LogKind,
)
from elsewhere.store.log_rules import ENTRY_COST, check_appendable, check_numbered
from elsewhere.store.redis import log
from elsewhere.store.redis.connection import answering
from elsewhere.store.redis.editing import in_line, or_nothing
from elsewhere.store.redis.served import Served
from elsewhere.store.refusal import not_found
from elsewhere.store.script import Argument, Script

APPEND_LOG = Script(__file__, "append_log.lua")
RECORD_EVENT = Script(__file__, "record_event.lua")
SET_BUILT = Script(__file__, "set_built.lua")


class Results(Served):
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
        arguments: list[Argument] = [
            task_id,
            attempt,
            sequence,
            kind,
            data,
            self._log_cap,
            ENTRY_COST,
            skipped,
        ]
        answer = APPEND_LOG.run(self.connection, [keys.task(task_id)], arguments)
        in_line(answer, task_id, attempt, sequence)

    def read_log(self, task_id: str, after: str = "", limit: int = 1000) -> list[LogChunk]:
        """At most ``limit`` chunks after position ``after``, in order."""
        return log.read_log(self.connection, task_id, after, limit)

    def follow_log(self, task_id: str, after: str = "") -> Iterator[LogChunk]:
        """Chunks after ``after`` as they come, until the log's end."""
        self._has_ended(task_id)
        return log.follow_log(self.connection, task_id, after, lambda: self._has_ended(task_id))

    def _has_ended(self, task_id: str) -> bool:
        with answering(self.connection):
            status = self.connection.hget(keys.task(task_id), "status")
        if status is None:
            raise not_found(task_id)
        return Status(cast(bytes, status).decode()).ended

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
        check_numbered(sequence, attempt)
        arguments = [task_id, or_nothing(attempt), kind, detail, or_nothing(sequence)]
        answer = RECORD_EVENT.run(self.connection, [keys.task(task_id)], arguments)
        in_line(answer, task_id, attempt, sequence)

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first."""
        with answering(self.connection):
            entries = self.connection.xrange(keys.task_events(task_id))
        return [
            Event(
                time=log.time_of(position.decode()),
                kind=cast(EventKind, fields[b"kind"].decode()),
                attempt=int(fields[b"attempt"]),
                detail=fields[b"detail"].decode(),
            )
            for position, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", entries)
        ]

    def set_built(
        self, task_id: str, built: Built, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Keep what the attempt's environment really holds."""
        check_numbered(sequence, attempt)
        arguments = [task_id, or_nothing(attempt), encode(built), or_nothing(sequence)]
        answer = SET_BUILT.run(self.connection, [keys.task(task_id)], arguments)
        in_line(answer, task_id, attempt, sequence)

    def built(self, task_id: str) -> Built | None:
        """What the environment of the newest attempt that came so far held."""
        with answering(self.connection):
            stored = self.connection.get(keys.task_built(task_id))
        return None if stored is None else decode(Built, cast(bytes, stored))
