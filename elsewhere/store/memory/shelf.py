"""One task in memory: its record, log, events and series."""

from __future__ import annotations

import itertools
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from elsewhere.contract.built import Built
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.status import Status
from elsewhere.contract.task import LogChunk, LogKind, Parameters, TaskRecord
from elsewhere.store.edit_rules import edited
from elsewhere.store.log_rules import ENTRY_COST, cut_note, gap
from elsewhere.store.memory.series import SeriesBook
from elsewhere.store.refusal import late_write

EVENTS_KEPT = 1000

_positions = itertools.count(1)


@dataclass
class Shelf:
    """Everything about one task. Whoever holds one holds the store's lock."""

    task: TaskRecord
    chunks: deque[LogChunk] = field(default_factory=deque)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    parents_left: list[str] = field(default_factory=list)
    """Parents that have not completed yet, while the task waits for them."""
    sequence: int = 0
    held: int = 0
    """Bytes in ``chunks``."""
    cut: int = 0
    """Bytes that the cap has removed."""
    cut_to: str = "0"
    """Position of the last chunk removed."""
    built: Built | None = None
    configurations: dict[str, Configuration] = field(default_factory=dict)
    series: SeriesBook = field(default_factory=SeriesBook)

    def change(self, **fields: Any) -> None:
        """Replace fields of the record, which has changed then."""
        self.task = replace(self.task, **{"updated": time.time(), **fields})

    def set_parameters(self, wanted: Parameters, overrides: tuple[str, ...] | None) -> None:
        """Replace the parameters; what is known of those that are gone goes with them."""
        task = self.task
        gone = task.parameters.keys() - wanted.keys()
        if overrides is None:
            overrides = tuple(name for name in task.overrides if name not in gone)
        info = {name: about for name, about in task.parameter_info.items() if name not in gone}
        self.change(parameters=wanted, overrides=tuple(overrides), parameter_info=info)

    def edit(self, edit: Edit) -> None:
        """Make changes by hand.

        Raises:
            IllegalMove: they change the spec of what is no draft.
        """
        self.task = replace(edited(self.task, edit), updated=time.time())

    def cloned(self, new_id: str) -> Shelf:
        """A draft of what the task runs with."""
        task = self.task
        return Shelf(
            TaskRecord(
                id=new_id,
                project=task.project,
                name=f"Clone Of {task.name}",
                status=Status.CREATED,
                spec=task.spec,
                parameters=task.parameters,
                overrides=task.overrides,
                created=time.time(),
                terms=task.terms,
                type=task.type,
                tags=task.tags,
                comment=task.comment,
                parent=task.id,
                parameter_info=task.parameter_info,
            ),
            configurations=dict(self.configurations),
        )

    def record(self, kind: EventKind, detail: str = "") -> None:
        """Append to the events."""
        self.events.append(Event(time.time(), kind, self.task.attempt, detail))

    def fence(self, attempt: int, what: str) -> None:
        """Refuse a write of an attempt that does not run.

        Raises:
            LateWrite: ``attempt`` is not the newest, or the task is not in progress.
        """
        stands = self.task
        if stands.status is Status.IN_PROGRESS and stands.attempt == attempt:
            return
        newest = self.events[-1]
        if (newest.kind, newest.attempt) != ("late_write_refused", attempt):
            self.events.append(Event(time.time(), "late_write_refused", attempt, what))
        raise late_write(stands.id, attempt, stands.status.value, stands.attempt)

    def take_number(self, sequence: int, skipped: int = 0) -> bool:
        """Whether ``sequence`` comes next among the numbered writes; it is taken then, not if seen before.

        Raises:
            ValueError: more than ``skipped`` numbers before it are missing.
        """
        if sequence <= self.sequence:
            return False
        if sequence - skipped > self.sequence + 1:
            raise gap(self.task.id, sequence, self.sequence + 1)
        self.sequence = sequence
        return True

    def cut_over(self, cap: int) -> None:
        """Cut the oldest chunks over ``cap`` bytes."""
        while len(self.chunks) > 1 and self.held + ENTRY_COST * len(self.chunks) > cap:
            oldest = self.chunks.popleft()
            self.held -= len(oldest.data)
            self.cut += len(oldest.data)
            self.cut_to = oldest.position

    def write(self, kind: LogKind, data: bytes) -> None:
        """Append a chunk, in the place of a ``live`` one that stands at the end."""
        if self.chunks and self.chunks[-1].kind == "live":
            self.held -= len(self.chunks.pop().data)
        self.chunks.append(LogChunk(str(next(_positions)), kind, self.task.attempt, data, time.time()))
        self.held += len(data)

    def read(self, after: str, limit: int) -> list[LogChunk]:
        """At most ``limit`` chunks after ``after``."""
        start = int(after or 0)
        found = [chunk for chunk in self.chunks if int(chunk.position) > start]
        if start < int(self.cut_to):
            first = self.chunks[0]
            found.insert(0, cut_note(self.cut_to, first.attempt, self.cut, first.time))
        return found[:limit]

    def reopen_log(self) -> None:
        """Let the log go on behind its end."""
        self.sequence = 0
        if self.chunks and self.chunks[-1].kind == "end":
            self.chunks.pop()

    def forget_results(self) -> None:
        """Begin the log and the series anew."""
        self.built = None
        self.series = SeriesBook()
        self.chunks.clear()
        self.sequence = self.held = self.cut = 0
        self.cut_to = "0"
