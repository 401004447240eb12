"""``MemoryStore``: the store protocol in one process, under one lock."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.outcome import Stopped, message_of
from elsewhere.contract.spec import Blob, TaskSpec
from elsewhere.contract.status import Status, may_move
from elsewhere.contract.task import JSONValue, LogChunk, LogKind, NewTask, StopRequest, TaskRecord
from elsewhere.store import identity, queue_name
from elsewhere.store.log_rules import CAP_BYTES, check_appendable, check_numbered
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.refusal import illegal_move, missing_blob, no_draft, not_found, verify

BITE = 64
"""Chunks that a follower is handed in one go."""


class MemoryStore:
    """Tasks in memory; see ``Store`` for what each method promises.

    Nobody takes from its queues: they hold what was put there, in order, under ``queues``.

    Args:
        log_cap: bytes of a task's log that are held; the oldest are cut.
        serving: names of agents by queue, for ``serving`` to answer.
    """

    def __init__(
        self, *, log_cap: int = CAP_BYTES, serving: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.queues: defaultdict[str, list[str]] = defaultdict(list)
        self._log_cap = log_cap
        self._serving = dict(serving or {})
        self._shelves: dict[str, Shelf] = {}
        self._submissions: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._changed = threading.Condition()

    # --- tasks ---------------------------------------------------------------------

    def create(self, new: NewTask, *, submission: str | None = None) -> TaskRecord:
        """Make a draft, once for each ``submission`` key."""
        task = TaskRecord(
            id=identity.new_id(),
            project=new.project,
            name=new.name,
            status=Status.CREATED,
            # There and back, so that what cannot be stored is refused here as well.
            spec=decode(TaskSpec, encode(new.spec)),
            parameters=decode_parameters(encode_parameters(new.parameters)),
            overrides=tuple(new.overrides),
            created=time.time(),
        )
        with self._changed:
            made = self._submissions.setdefault(submission, task.id) if submission else task.id
            if made == task.id:
                self._shelves[task.id] = Shelf(task)
                self._shelves[task.id].record("created")
            return self._shelves[made].task

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id."""
        with self._changed:
            return self._shelf(task_id).task

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``."""
        return identity.resolve(prefix, self._beginning_with)

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first."""
        with self._changed:
            tasks = [shelf.task for shelf in reversed(self._shelves.values())]
        return [task for task in tasks if status in (None, task.status)][offset : offset + limit]

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft to the end of ``queue``."""
        queue_name.checked(queue)
        with self._changed:
            shelf = self._shelf(task_id)
            stands = shelf.task
            if stands.status is Status.QUEUED and stands.queue == queue:
                return self.queues[queue].index(task_id)
            if stands.status is not Status.CREATED:
                raise no_draft(task_id, stands.status.value, stands.queue)
            self.queues[queue].append(task_id)
            shelf.change(status=Status.QUEUED, queue=queue)
            shelf.record("queued", queue)
            return len(self.queues[queue]) - 1

    def move(
        self,
        task_id: str,
        target: Status,
        *,
        expected: Status,
        message: str = "",
        exit_code: int | None = None,
    ) -> TaskRecord:
        """Move a task from ``expected`` to ``target``."""
        with self._changed:
            shelf = self._shelf(task_id)
            origin = shelf.task.status
            # Only enqueue knows a queue to move into.
            if origin is not expected or target is Status.QUEUED or not may_move(origin, target):
                raise illegal_move(task_id, origin.value, f"be moved from {expected} to {target}")
            if target.ended and not origin.ended:
                self._end(shelf, target, message, exit_code)
                return shelf.task
            if target is Status.CREATED:
                self._reset(shelf, message)
            elif target is Status.IN_PROGRESS:
                self._run_here(shelf, message)
            else:
                shelf.change(status=target, status_message=message or shelf.task.status_message)
            shelf.record("moved", f"{origin} to {target}")
            return shelf.task

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
        check_numbered(sequence, attempt)
        with self._changed:
            shelf = self._shelf(task_id)
            if attempt is not None:
                shelf.fence(attempt, "parameters")
            merged = decode_parameters(encode_parameters({**shelf.task.parameters, **parameters}))
            if sequence is not None and not shelf.take_number(sequence):
                return
            names = shelf.task.overrides if overrides is None else tuple(overrides)
            shelf.change(parameters=merged, overrides=names)

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task."""
        with self._changed:
            shelf = self._shelf(task_id)
            if shelf.task.status.ended:
                return shelf.task.status
            shelf.record("stop_requested", stop.by)
            if shelf.task.status is Status.IN_PROGRESS:
                shelf.change(stop=stop)
            else:
                self._end(shelf, Status.STOPPED, message_of(Stopped(stop.by)), None)
            return shelf.task.status

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
        with self._changed:
            shelf = self._shelf(task_id)
            shelf.fence(attempt, f"log chunk {sequence}")
            if shelf.take_number(sequence, skipped):
                shelf.write(kind, data)
                shelf.cut_over(self._log_cap)
                self._changed.notify_all()

    def read_log(self, task_id: str, after: str = "", limit: int = 1000) -> list[LogChunk]:
        """At most ``limit`` chunks after position ``after``, in order."""
        with self._changed:
            shelf = self._shelves.get(task_id)
            return shelf.read(after, limit) if shelf else []

    def follow_log(self, task_id: str, after: str = "") -> Iterator[LogChunk]:
        """Chunks after ``after`` as they come, until the log's end."""
        with self._changed:
            return self._follow(self._shelf(task_id), after)

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
        with self._changed:
            shelf = self._shelf(task_id)
            if attempt is not None:
                shelf.fence(attempt, f"event {kind}")
            if sequence is None or shelf.take_number(sequence):
                shelf.record(kind, detail)

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first."""
        with self._changed:
            shelf = self._shelves.get(task_id)
            return list(shelf.events) if shelf else []

    # --- blobs ---------------------------------------------------------------------

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash."""
        blob = Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        self._blobs[blob.sha256] = bytes(data)
        return blob

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash."""
        data = self._blobs.get(blob.sha256)
        if data is None:
            raise missing_blob(blob)
        verify(blob, data)
        return data

    # --- agents --------------------------------------------------------------------

    def serving(self, queue: str) -> list[str]:
        """The agents that the store was told of."""
        return sorted(self._serving.get(queue, ()))

    def close(self) -> None:
        """Nothing is held outside of this object."""

    # --- moves, under the lock -----------------------------------------------------

    def _shelf(self, task_id: str) -> Shelf:
        if task_id not in self._shelves:
            raise not_found(task_id)
        return self._shelves[task_id]

    def _beginning_with(self, prefix: str, limit: int) -> list[str]:
        with self._changed:
            return sorted(task_id for task_id in self._shelves if task_id.startswith(prefix))[:limit]

    def _leave_queue(self, shelf: Shelf) -> None:
        waiting = self.queues[shelf.task.queue] if shelf.task.queue else []
        if shelf.task.id in waiting:
            waiting.remove(shelf.task.id)

    def _end(self, shelf: Shelf, target: Status, message: str, exit_code: int | None) -> None:
        self._leave_queue(shelf)
        shelf.change(status=target, status_message=message, exit_code=exit_code, ended=time.time(), stop=None)
        shelf.write("end", b"")
        line = message.partition("\n")[0]
        shelf.record("ended", f"{target}: {line}" if line else target.value)
        self._changed.notify_all()

    def _run_here(self, shelf: Shelf, message: str) -> None:
        self._leave_queue(shelf)
        shelf.sequence = 0
        shelf.change(
            status=Status.IN_PROGRESS,
            status_message=message,
            attempt=shelf.task.attempt + 1,
            agent=None,
            queue=None,
            started=shelf.task.started or time.time(),
        )

    def _reset(self, shelf: Shelf, message: str) -> None:
        self._leave_queue(shelf)
        shelf.forget_log()
        # The attempt number stays: it is the fence against whoever ran before.
        shelf.task = replace(
            TaskRecord(shelf.task.id, shelf.task.project, shelf.task.name, Status.CREATED, shelf.task.spec),
            parameters=shelf.task.parameters,
            overrides=shelf.task.overrides,
            created=shelf.task.created,
            attempt=shelf.task.attempt,
            status_message=message,
        )
