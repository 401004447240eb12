"""``MemoryStore``: the store protocol in one process, under one lock."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.outcome import Stopped, message_of
from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.contract.spec import Blob, TaskSpec
from elsewhere.contract.status import Status, may_move
from elsewhere.contract.task import JSONValue, LogChunk, LogKind, NewTask, StopRequest, TaskRecord
from elsewhere.contract.terms import Terms
from elsewhere.store import identity, queue_name
from elsewhere.store.log_rules import CAP_BYTES, check_appendable, check_numbered
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.refusal import illegal_move, missing_blob, no_draft, no_parent, not_found, verify
from elsewhere.store.series import rules
from elsewhere.store.terms_rules import check_terms, for_parents, is_met, parent_failed, until

BITE = 64
"""Chunks that a follower is handed in one go."""


class MemoryStore:
    """Tasks in memory; see ``Store`` for what each method promises.

    Nobody takes from its queues: they hold what was put there, in order, under ``queues``. Nobody
    promotes either: what waits for its time goes on waiting.

    Args:
        log_cap: bytes of a task's log that are held; the oldest are cut.
        series_cap: bytes of a task's series that are held; over it they get coarser.
        most_series: series that a task may have.
        serving: names of agents by queue, for ``serving`` to answer.
    """

    def __init__(
        self,
        *,
        log_cap: int = CAP_BYTES,
        series_cap: int = rules.CAP_BYTES,
        most_series: int = rules.MOST_SERIES,
        serving: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.queues: defaultdict[str, list[str]] = defaultdict(list)
        self._log_cap = log_cap
        self._series_cap = series_cap
        self._most_series = most_series
        self._serving = dict(serving or {})
        self._shelves: dict[str, Shelf] = {}
        self._submissions: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._changed = threading.Condition()

    # --- tasks ---------------------------------------------------------------------

    def create(self, new: NewTask, *, submission: str | None = None) -> TaskRecord:
        """Make a draft, once for each ``submission`` key."""
        check_terms(new.terms)
        task = TaskRecord(
            id=identity.new_id(),
            project=new.project,
            name=new.name,
            status=Status.CREATED,
            # There and back, so that what cannot be stored is refused here as well.
            spec=decode(TaskSpec, encode(new.spec)),
            parameters=decode_parameters(encode_parameters(new.parameters)),
            overrides=tuple(new.overrides),
            terms=decode(Terms, encode(new.terms)),
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
        """Move a draft into ``queue``, or let it wait for its parents or its time."""
        queue_name.checked(queue)
        with self._changed:
            shelf = self._shelf(task_id)
            stands = shelf.task
            stopped = stands.status is Status.STOPPED and stands.status_message.startswith(parent_failed(""))
            if stands.queue == queue and (stands.status is Status.QUEUED or stopped):
                return self._position(shelf)
            if stands.status is not Status.CREATED:
                raise no_draft(task_id, stands.status.value, stands.queue)
            parents = [self._parent(task_id, parent) for parent in dict.fromkeys(stands.terms.parents)]
            shelf.change(status=Status.QUEUED, queue=queue)
            shelf.record("queued", queue)
            unmet = [parent for parent in parents if not is_met(parent.status, parent.exit_code)]
            failed = [parent.id for parent in unmet if parent.status.ended]
            if failed:
                self._end(shelf, Status.STOPPED, parent_failed(failed[0]), None)
            else:
                self._line_up(shelf, [parent.id for parent in unmet])
            return self._position(shelf)

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

    def set_built(
        self, task_id: str, built: Built, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Keep what the attempt's environment really holds."""
        check_numbered(sequence, attempt)
        with self._changed:
            shelf = self._shelf(task_id)
            if attempt is not None:
                shelf.fence(attempt, "built")
            if sequence is None or shelf.take_number(sequence):
                shelf.built = decode(Built, encode(built))

    def built(self, task_id: str) -> Built | None:
        """What the environment of the newest attempt that came so far held."""
        with self._changed:
            shelf = self._shelves.get(task_id)
            return shelf.built if shelf else None

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
        with self._changed:
            shelf = self._shelf(task_id)
            if attempt is not None:
                shelf.fence(attempt, "scalars")
            if sequence is not None and not shelf.take_number(sequence):
                return
            if shelf.series.add(batch, self._series_cap, self._most_series):
                shelf.write("note", rules.too_many(self._most_series).encode())
                self._changed.notify_all()

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
        with self._changed:
            shelf = self._shelves.get(task_id)
            chosen = [*shelf.series.chosen(title, series)] if shelf else []
            return [Scalars(one.title, one.name, one.read(max_points)) for one in chosen]

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, without points."""
        with self._changed:
            shelf = self._shelves.get(task_id)
            return [one.summary for one in shelf.series.chosen(title)] if shelf else []

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

    def _parent(self, task_id: str, parent: str) -> TaskRecord:
        if parent not in self._shelves:
            raise no_parent(task_id, parent)
        return self._shelves[parent].task

    def _position(self, shelf: Shelf) -> int:
        line = self.queues[str(shelf.task.queue)]
        return line.index(shelf.task.id) if shelf.task.id in line else len(line)

    def _line_up(self, shelf: Shelf, unmet: list[str]) -> None:
        """Wait for parents, then for the task's time, then in its queue."""
        terms, shelf.parents_left = shelf.task.terms, unmet
        if unmet:
            shelf.change(waits_for=for_parents(len(unmet), unmet[0]))
        elif terms.run_at is not None and terms.run_at > time.time():
            shelf.change(waits_for=until(terms.run_at))
        else:
            shelf.change(waits_for="")
            line = self.queues[str(shelf.task.queue)]
            place = len(line)
            while place and self._shelves[line[place - 1]].task.terms.priority < terms.priority:
                place -= 1
            line.insert(place, shelf.task.id)

    def _leave_queue(self, shelf: Shelf) -> None:
        line = self.queues[shelf.task.queue] if shelf.task.queue else []
        if shelf.task.id in line:
            line.remove(shelf.task.id)
        shelf.parents_left = []
        shelf.change(waits_for="")

    def _end(self, shelf: Shelf, target: Status, message: str, exit_code: int | None) -> None:
        self._end_one(shelf, target, message, exit_code)
        for child in [other for other in self._shelves.values() if shelf.task.id in other.parents_left]:
            if target is not Status.COMPLETED:
                self._end(child, Status.STOPPED, parent_failed(shelf.task.id), None)
                continue
            left = [parent for parent in child.parents_left if parent != shelf.task.id]
            if not left:
                child.record("queued", f"{child.task.queue}: all parents have completed")
            self._line_up(child, left)

    def _end_one(self, shelf: Shelf, target: Status, message: str, exit_code: int | None) -> None:
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
        shelf.forget_results()
        # The attempt number stays: it is the fence against whoever ran before.
        shelf.task = replace(
            TaskRecord(shelf.task.id, shelf.task.project, shelf.task.name, Status.CREATED, shelf.task.spec),
            parameters=shelf.task.parameters,
            overrides=shelf.task.overrides,
            terms=shelf.task.terms,
            created=shelf.task.created,
            attempt=shelf.task.attempt,
            status_message=message,
        )
