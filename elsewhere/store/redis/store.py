"""``RedisStore``: the store protocol on a server; each write is one Lua script."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.query import Page, Query
from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.contract.spec import Blob
from elsewhere.contract.status import Status
from elsewhere.contract.task import (
    JSONValue,
    LogChunk,
    LogKind,
    NewTask,
    Parameters,
    StopRequest,
    TaskRecord,
)
from elsewhere.store import identity, queue_name
from elsewhere.store.edit_rules import checked_id
from elsewhere.store.log_rules import CAP_BYTES, ENTRY_COST, check_appendable, check_numbered
from elsewhere.store.redis import blobs, editing, log, search, waiting
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.connection import answering, connect, patient
from elsewhere.store.redis.editing import flat, in_line, or_nothing
from elsewhere.store.redis.job import job_fields
from elsewhere.store.redis.record import encode_stop, new_fields, pairs, read_record
from elsewhere.store.redis.series import additions, read_series, read_summaries, tidy
from elsewhere.store.refusal import illegal_move, no_draft, no_parent, not_found, owned
from elsewhere.store.script import Argument, Script
from elsewhere.store.series import rules

CREATE = Script(__file__, "create.lua")
ENQUEUE = Script(__file__, "enqueue.lua")
MOVE = Script(__file__, "move.lua")
REQUEST_STOP = Script(__file__, "request_stop.lua")
APPEND_LOG = Script(__file__, "append_log.lua")
RECORD_EVENT = Script(__file__, "record_event.lua")
SET_BUILT = Script(__file__, "set_built.lua")
ADD_SCALARS = Script(__file__, "add_scalars.lua")

LOOK_SECONDS = 60.0
"""How long queries rely on the indexes before they look whether an older version moved something."""
BLOB_SECONDS = 60.0
"""How long one piece of a blob may take over a slow line."""


class RedisStore:
    """Tasks on a Redis or Valkey server; see ``Store`` for what each method promises.

    Args:
        server: URL of the server, or a client made by ``connect``, which stays the caller's.
        log_cap: bytes of a task's log that are held; the oldest are cut.
        series_cap: bytes of a task's series that are held; over it they get coarser.
        most_series: series that a task may have.
    """

    def __init__(
        self,
        server: str | redis.Redis,
        *,
        log_cap: int = CAP_BYTES,
        series_cap: int = rules.CAP_BYTES,
        most_series: int = rules.MOST_SERIES,
    ) -> None:
        self._owned = isinstance(server, str)
        self.connection: redis.Redis = connect(server) if isinstance(server, str) else server
        self._log_cap = log_cap
        self._series_cap = series_cap
        self._most_series = most_series
        self._look_again = 0.0

    # --- tasks ---------------------------------------------------------------------

    def create(
        self, new: NewTask, *, submission: str | None = None, task_id: str | None = None
    ) -> TaskRecord:
        """Make a draft, once for each ``submission`` key and each id."""
        task_id = identity.new_id() if task_id is None else checked_id(task_id)
        touched = [keys.task(task_id)] + ([keys.submission(submission)] if submission else [])
        made, fields = CREATE.run(self.connection, touched, [task_id, *flat(new_fields(new))])
        return read_record(made.decode(), pairs(fields))

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id."""
        with answering(self.connection):
            stored = self.connection.hgetall(keys.task(task_id))
        if not stored:
            raise not_found(task_id)
        return read_record(task_id, cast("dict[bytes, bytes]", stored))

    def records(self, ids: Sequence[str]) -> list[TaskRecord]:
        """The tasks with these ids that are there."""
        found: list[TaskRecord] = []
        for start in range(0, len(ids), search.WINDOW):
            window = ids[start : start + search.WINDOW]
            with answering(self.connection):
                pipeline = self.connection.pipeline(transaction=False)
                for task_id in window:
                    pipeline.hgetall(keys.task(task_id))
                hashes = pipeline.execute()
            found += [read_record(one, stored) for one, stored in zip(window, hashes, strict=True) if stored]
        return found

    def query(self, query: Query) -> Page:
        """The page that a query asks for."""
        if search.index_missing(self.connection) or time.monotonic() > self._look_again:
            search.index_moved(self.connection)
            self._look_again = time.monotonic() + LOOK_SECONDS
        return search.find(self.connection, query)

    def wait_for_status(
        self, task_id: str, statuses: Collection[Status], timeout: float | None = None
    ) -> TaskRecord:
        """The task once it stands in one of ``statuses``."""
        return waiting.wait_for_status(self.connection, task_id, statuses, timeout, self.get)

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``."""
        return identity.resolve(prefix, self._beginning_with)

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first."""
        if status is None:
            with answering(self.connection):
                ids = self.connection.zrevrange(keys.TASKS, offset, offset + limit - 1) if limit > 0 else []
            return self.records(_texts(ids))
        page = self.query(Query(statuses=(status,), order_by="-created", limit=limit, offset=offset))
        return [task for task in self.records(page.ids) if task.status is status]

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft into ``queue``, or let it wait for its parents or its time."""
        arguments = [task_id, queue_name.checked(queue), *flat(job_fields(task_id))]
        answer = ENQUEUE.run(self.connection, [keys.task(task_id)], arguments)
        if answer[0] == b"refused":
            raise no_draft(task_id, answer[1].decode(), answer[2].decode())
        if answer[0] == b"orphan":
            raise no_parent(task_id, answer[1].decode())
        return int(accepted(answer, task_id)[0])

    def move(
        self,
        task_id: str,
        target: Status,
        *,
        expected: Status,
        message: str = "",
        exit_code: int | None = None,
    ) -> TaskRecord:
        """Move a task that no lease protects from ``expected`` to ``target``."""
        code = "" if exit_code is None else exit_code
        arguments = [task_id, expected.value, target.value, message, code]
        answer = MOVE.run(self.connection, [keys.task(task_id)], arguments)
        if answer[0] == b"leased":
            raise owned(task_id, answer[1].decode(), answer[2].decode())
        if answer[0] == b"refused":
            raise illegal_move(task_id, answer[1].decode(), f"be moved from {expected} to {target}")
        return read_record(task_id, pairs(accepted(answer, task_id)[0]))

    def set_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Merge ``parameters`` into the task's."""
        editing.swap_parameters(
            self.connection, task_id, lambda known: {**known, **parameters}, attempt, sequence, overrides
        )

    def replace_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Let ``parameters`` take the place of the task's."""
        editing.swap_parameters(self.connection, task_id, lambda _: parameters, attempt, sequence, overrides)

    def delete_parameters(
        self,
        task_id: str,
        names: Collection[str],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Drop some of the task's parameters."""

        def without(known: Parameters) -> dict[str, JSONValue]:
            return {name: value for name, value in known.items() if name not in names}

        editing.swap_parameters(self.connection, task_id, without, attempt, sequence, None)

    def edit(
        self, task_id: str, edit: Edit, *, attempt: int | None = None, sequence: int | None = None
    ) -> TaskRecord:
        """Make the changes of ``edit``."""
        return editing.edit_task(self.connection, task_id, edit, attempt, sequence)

    def set_configuration(
        self,
        task_id: str,
        name: str,
        configuration: Configuration,
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Keep ``configuration`` under its name."""
        editing.set_configuration(self.connection, task_id, name, configuration, attempt, sequence)

    def delete_configuration(
        self, task_id: str, name: str, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Drop the configuration of that name."""
        editing.set_configuration(self.connection, task_id, name, None, attempt, sequence)

    def configuration(self, task_id: str, name: str) -> Configuration | None:
        """The configuration of that name."""
        return editing.read_configuration(self.connection, task_id, name)

    def configurations(self, task_id: str) -> dict[str, Configuration]:
        """All configurations, by name."""
        return editing.read_configurations(self.connection, task_id)

    def clone(
        self,
        task_id: str,
        *,
        name: str | None = None,
        comment: str | None = None,
        parent: str | None = None,
        project: str | None = None,
    ) -> TaskRecord:
        """Make a draft of what the task runs with."""
        fields = {"name": name, "comment": comment, "parent": parent or task_id, "project": project}
        return editing.clone_task(
            self.connection, task_id, {k: v for k, v in fields.items() if v is not None}
        )

    def delete(self, task_id: str, *, force: bool = False) -> None:
        """Delete the task and all that is kept of it."""
        editing.delete_task(self.connection, task_id, force)

    def dequeue(self, task_id: str) -> TaskRecord:
        """Take a queued task out of its queue: it is a draft again."""
        record = self.get(task_id)
        if record.status is Status.CREATED:
            return record
        return self.move(task_id, Status.CREATED, expected=Status.QUEUED)

    def position(self, task_id: str) -> int | None:
        """The task's place in its queue, from 0."""
        record = self.get(task_id)
        if record.status is not Status.QUEUED or record.queue is None:
            return None
        with answering(self.connection):
            return cast("int | None", self.connection.lpos(keys.rq_queue(record.queue), task_id))

    def queued(self, queue: str) -> int:
        """How many tasks stand in ``queue``."""
        with answering(self.connection):
            return self.connection.llen(keys.rq_queue(queue_name.checked(queue)))

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task."""
        arguments = [task_id, encode_stop(stop), stop.by]
        answer = REQUEST_STOP.run(self.connection, [keys.task(task_id)], arguments)
        return Status(accepted(answer, task_id)[0].decode())

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

    # --- the log -------------------------------------------------------------------

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

    # --- events --------------------------------------------------------------------

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

    # --- series --------------------------------------------------------------------

    def add_scalars(
        self,
        task_id: str,
        batch: Sequence[Scalars],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append points to their series."""
        check_numbered(sequence, attempt)
        rules.check_batch(batch)
        arguments: list[Argument] = [task_id, or_nothing(attempt), or_nothing(sequence)]
        arguments += [self._most_series, rules.SERIES_COST, rules.too_many(self._most_series)]
        answer = ADD_SCALARS.run(self.connection, [keys.task(task_id)], [*arguments, *additions(batch)])
        added = in_line(answer, task_id, attempt, sequence)
        tidy(self.connection, task_id, added, self._series_cap)

    def scalars(
        self,
        task_id: str,
        title: str | None = None,
        series: str | None = None,
        *,
        max_points: int | None = rules.USUAL_POINTS,
    ) -> list[Scalars]:
        """The chosen series, each drawn from at most ``max_points`` points."""
        rules.check_most(max_points)
        return read_series(self.connection, task_id, title, series, max_points)

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, without points."""
        return read_summaries(self.connection, task_id, title)

    # --- blobs ---------------------------------------------------------------------

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash."""
        with patient(self.connection, BLOB_SECONDS) as connection:
            return blobs.put_blob(connection, data)

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash."""
        with patient(self.connection, BLOB_SECONDS) as connection:
            return blobs.get_blob(connection, blob)

    # --- agents --------------------------------------------------------------------

    def serving(self, queue: str) -> list[str]:
        """Names of the agents that are alive and serve ``queue``."""
        with answering(self.connection):
            names = _texts(self.connection.zrange(keys.AGENTS, 0, -1))
            pipeline = self.connection.pipeline(transaction=False)
            for name in names:
                pipeline.hget(keys.agent(name), "queues")
            served = pipeline.execute()
        # An agent that is not alive has no hash any more.
        return sorted(name for name, queues in zip(names, served, strict=True) if queue in _names(queues))

    def close(self) -> None:
        """Give back connections."""
        if self._owned:
            self.connection.close()

    # --- reading -------------------------------------------------------------------

    def _beginning_with(self, prefix: str, limit: int) -> list[str]:
        with answering(self.connection):
            # "g" sorts after every hexadecimal digit.
            ids = self.connection.zrangebylex(keys.TASK_IDS, f"[{prefix}", f"({prefix}g", 0, limit)
        return _texts(ids)

    def _has_ended(self, task_id: str) -> bool:
        with answering(self.connection):
            status = self.connection.hget(keys.task(task_id), "status")
        if status is None:
            raise not_found(task_id)
        return Status(cast(bytes, status).decode()).ended


def _names(stored: bytes | None) -> list[str]:
    return cast("list[str]", json.loads(stored)) if stored else []


def _texts(members: Sequence[Any]) -> list[str]:
    return [member.decode() for member in members]
