"""``MemoryStore``: the store protocol in one process, under one lock."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.outcome import Stopped, message_of
from elsewhere.contract.query import Page, Query
from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.contract.spec import Blob, TaskSpec
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
from elsewhere.contract.terms import Terms
from elsewhere.store import identity, queue_name
from elsewhere.store.edit_rules import (
    check_edit,
    checked_id,
    merged,
    stored_info,
    stored_properties,
    undeletable,
)
from elsewhere.store.log_rules import CAP_BYTES, check_appendable, check_numbered, gap
from elsewhere.store.memory.moves import Moves
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.query_rules import selected
from elsewhere.store.refusal import missing_blob, verify
from elsewhere.store.series import rules
from elsewhere.store.terms_rules import check_terms

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
        self._log_cap = log_cap
        self._series_cap = series_cap
        self._most_series = most_series
        self._serving = dict(serving or {})
        self._submissions: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self._moves = Moves(self._changed)
        self.queues = self._moves.queues

    # --- tasks ---------------------------------------------------------------------

    def create(
        self, new: NewTask, *, submission: str | None = None, task_id: str | None = None
    ) -> TaskRecord:
        """Make a draft, once for each ``submission`` key and each id."""
        check_terms(new.terms)
        now = time.time()
        task = TaskRecord(
            id=identity.new_id() if task_id is None else checked_id(task_id),
            project=new.project,
            name=new.name,
            status=Status.CREATED,
            # There and back, so that what cannot be stored is refused here as well.
            spec=decode(TaskSpec, encode(new.spec)),
            parameters=decode_parameters(encode_parameters(new.parameters)),
            overrides=tuple(new.overrides),
            terms=decode(Terms, encode(new.terms)),
            type=new.type,
            tags=merged(new.tags),
            system_tags=merged(new.system_tags),
            comment=new.comment,
            parent=new.parent or None,
            properties=stored_properties(new.properties),
            parameter_info=stored_info(new.parameter_info),
            created=now,
            updated=now,
        )
        with self._changed:
            made = self._submissions.get(submission, task.id) if submission else task.id
            if made not in self._moves.shelves:
                made = task.id  # it may have been deleted since
            if submission:
                self._submissions[submission] = made
            if made not in self._moves.shelves:
                self._moves.shelves[task.id] = Shelf(task)
                self._moves.shelves[task.id].record("created")
            return self._moves.shelves[made].task

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id."""
        with self._changed:
            return self._moves.shelf(task_id).task

    def records(self, ids: Sequence[str]) -> list[TaskRecord]:
        """The tasks with these ids that are there."""
        with self._changed:
            shelves = self._moves.shelves
            return [shelves[task_id].task for task_id in ids if task_id in shelves]

    def query(self, query: Query) -> Page:
        """The page that a query asks for."""
        with self._changed:
            tasks = [shelf.task for shelf in self._moves.shelves.values()]
        return selected(tasks, query)

    def wait_for_status(
        self, task_id: str, statuses: Collection[Status], timeout: float | None = None
    ) -> TaskRecord:
        """The task once it stands in one of ``statuses``."""
        with self._changed:
            self._changed.wait_for(lambda: self._moves.shelf(task_id).task.status in statuses, timeout)
            return self._moves.shelf(task_id).task

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``."""
        return identity.resolve(prefix, self._beginning_with)

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first."""
        with self._changed:
            tasks = [shelf.task for shelf in reversed(self._moves.shelves.values())]
        return [task for task in tasks if status in (None, task.status)][offset : offset + limit]

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft into ``queue``, or let it wait for its parents or its time."""
        queue_name.checked(queue)
        with self._changed:
            return self._moves.enqueue(self._moves.shelf(task_id), queue)

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
            shelf = self._moves.shelf(task_id)
            self._moves.move(shelf, target, expected, message, exit_code)
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
        self._swap_parameters(task_id, lambda known: {**known, **parameters}, attempt, sequence, overrides)

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
        self._swap_parameters(task_id, lambda _: parameters, attempt, sequence, overrides)

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

        self._swap_parameters(task_id, without, attempt, sequence, None)

    def _swap_parameters(
        self,
        task_id: str,
        change: Callable[[Parameters], Mapping[str, JSONValue]],
        attempt: int | None,
        sequence: int | None,
        overrides: tuple[str, ...] | None,
    ) -> None:
        with self._numbered(task_id, "parameters", attempt, sequence) as shelf:
            if shelf is not None:
                wanted = decode_parameters(encode_parameters(change(shelf.task.parameters)))
                shelf.set_parameters(wanted, overrides)

    def edit(
        self, task_id: str, edit: Edit, *, attempt: int | None = None, sequence: int | None = None
    ) -> TaskRecord:
        """Make the changes of ``edit``."""
        check_edit(edit)
        with self._numbered(task_id, "edit", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.edit(edit)
            return self._moves.shelf(task_id).task

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
        with self._numbered(task_id, "configuration", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.configurations[name] = decode(Configuration, encode(configuration))
                shelf.change()

    def delete_configuration(
        self, task_id: str, name: str, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Drop the configuration of that name."""
        with self._numbered(task_id, "configuration", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.configurations.pop(name, None)
                shelf.change()

    def configuration(self, task_id: str, name: str) -> Configuration | None:
        """The configuration of that name."""
        return self.configurations(task_id).get(name)

    def configurations(self, task_id: str) -> dict[str, Configuration]:
        """All configurations, by name."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
            return dict(sorted(shelf.configurations.items())) if shelf else {}

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
        with self._changed:
            shelf = self._moves.shelf(task_id).cloned(identity.new_id())
            given = {"name": name, "comment": comment, "parent": parent, "project": project}
            shelf.change(**{field: text for field, text in given.items() if text is not None})
            self._moves.shelves[shelf.task.id] = shelf
            shelf.record("created", f"clone of {task_id}")
            return shelf.task

    def delete(self, task_id: str, *, force: bool = False) -> None:
        """Delete the task and all that is kept of it."""
        with self._changed:
            shelf = self._moves.shelf(task_id)
            if shelf.task.status in (Status.IN_PROGRESS, Status.PUBLISHED) and not force:
                raise undeletable(task_id, shelf.task.status.value)
            self._moves.delete(shelf)

    def dequeue(self, task_id: str) -> TaskRecord:
        """Take a queued task out of its queue: it is a draft again."""
        record = self.get(task_id)
        if record.status is Status.CREATED:
            return record
        return self.move(task_id, Status.CREATED, expected=Status.QUEUED)

    def position(self, task_id: str) -> int | None:
        """The task's place in its queue, from 0."""
        with self._changed:
            line = self._moves.queues.get(str(self._moves.shelf(task_id).task.queue), [])
            return line.index(task_id) if task_id in line else None

    def queued(self, queue: str) -> int:
        """How many tasks stand in ``queue``."""
        with self._changed:
            return len(self._moves.queues.get(queue_name.checked(queue), []))

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task."""
        with self._changed:
            shelf = self._moves.shelf(task_id)
            if shelf.task.status.ended:
                return shelf.task.status
            shelf.record("stop_requested", stop.by)
            if shelf.task.status is Status.IN_PROGRESS:
                shelf.change(stop=stop)
            else:
                self._moves.end(shelf, Status.STOPPED, message_of(Stopped(stop.by)), None)
            return shelf.task.status

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
        with self._numbered(task_id, f"event {kind}", attempt, sequence) as shelf:
            if shelf is not None:
                shelf.record(kind, detail)

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
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
        rules.check_batch(batch)
        with self._numbered(task_id, "scalars", attempt, sequence) as shelf:
            if shelf is None:
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
            shelf = self._moves.shelves.get(task_id)
            chosen = [*shelf.series.chosen(title, series)] if shelf else []
            return [Scalars(one.title, one.name, one.read(max_points)) for one in chosen]

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, without points."""
        with self._changed:
            shelf = self._moves.shelves.get(task_id)
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

    def _beginning_with(self, prefix: str, limit: int) -> list[str]:
        with self._changed:
            return sorted(task_id for task_id in self._moves.shelves if task_id.startswith(prefix))[:limit]

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
