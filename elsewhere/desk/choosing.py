"""Which task a run is: a new one, its names' last one anew, or one that goes on."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from elsewhere.contract.edit import ARCHIVED
from elsewhere.contract.errors import ElsewhereError, IllegalMove, ServerUnfit, ServerUnreachable
from elsewhere.contract.status import Status
from elsewhere.desk import process, recent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elsewhere.contract.task import TaskRecord
    from elsewhere.desk.recent import Recent
    from elsewhere.desk.sink import How, Opening
    from elsewhere.store.protocol import Store

REUSE_HOURS = 72
"""For how long a run may begin its names' last task anew, where the settings say nothing."""


class Chosen(NamedTuple):
    """What was decided."""

    record: TaskRecord | None = None
    """The task, a draft now that nobody else takes; None means a new one."""
    how: How = "new"
    note: str = ""


def choose(opening: Opening, store: Callable[[], Store]) -> Chosen:
    """Decide, and take the task. The store is asked only where there is one to decide on.

    Where no store answers, the run is a new task.
    """
    from elsewhere.bound import in_attempt

    if in_attempt():
        # A second task beside the attempt's own: this machine's files are not its to read.
        return _by_id(opening, store, None) if _named(opening) else Chosen()
    from elsewhere import settings

    resolved = settings.load()
    server = resolved.redis_url or f"unix://{resolved.folders.server_socket}"
    key = recent.key(server, opening.project, opening.name, opening.type)
    try:
        with recent.opened(folder(resolved.folders.state)) as runs:
            chosen = _by_id(opening, store, runs) if _named(opening) else _last(opening, store, runs, key)
            runs.note(key, opening.id if chosen.record is None else chosen.record.id)
            return chosen
    except OSError as error:
        return Chosen(note=f"this machine's last runs cannot be read, so this one is a new task: {error}")


def folder(state: Path) -> Path:
    """Where the runs of this machine's desks are remembered."""
    return state / "desk"


def _named(opening: Opening) -> str:
    """The id that was asked for, if one was."""
    for asked in (opening.continues, opening.reuse):
        if isinstance(asked, str):
            return asked
    return ""


def _last(opening: Opening, store: Callable[[], Store], runs: Recent, key: str) -> Chosen:
    run = runs.last(key)
    how: How = "continue" if opening.continues else "reset"
    if run is None or not (opening.continues or opening.reuse):
        return Chosen(note="there is no task to continue" if opening.continues else "")
    if process.lives(run.owner):
        # Two terminals, or the same script once more: none of them takes what the other reports.
        return Chosen(note="the last run goes on still: this is a new task" if opening.continues else "")
    try:
        record = store().get(run.id)
        if how == "reset" and not _may_begin_anew(store(), record, run.time):
            return Chosen()
        if how == "continue" and (obstacle := _obstacle(record)):
            return Chosen(note=f"task {run.id} cannot be continued: {obstacle}")
        return Chosen(_taken(store(), record, how), how)
    except (ServerUnreachable, ServerUnfit, IllegalMove):
        return Chosen()
    except ElsewhereError as error:
        return Chosen(note=error.what if opening.continues else "")


def _by_id(opening: Opening, store: Callable[[], Store], runs: Recent | None) -> Chosen:
    asked = _named(opening)
    how: How = "continue" if isinstance(opening.continues, str) else "reset"
    try:
        record = store().get(store().resolve(asked))
        obstacle = _obstacle(record)
        run = runs.by_id(record.id) if runs else None
        if record.status is Status.IN_PROGRESS and (run is None or process.lives(run.owner)):
            obstacle = "it is running"
        if not obstacle:
            return Chosen(_taken(store(), record, how), how)
    except ElsewhereError as error:
        obstacle = error.what
    verb = "continued" if how == "continue" else "reused"
    return Chosen(note=f"task {asked} cannot be {verb}, so this run is a new task: {obstacle}")


def _obstacle(record: TaskRecord) -> str:
    """What keeps a task from running here at all, in words; "" where nothing does."""
    if record.status is Status.PUBLISHED:
        return "it is published"
    if record.status is Status.QUEUED:
        return "it is queued"
    if record.status is Status.IN_PROGRESS and record.agent:
        return f"agent {record.agent!r} runs it"
    if ARCHIVED in record.system_tags:
        return "it is archived"
    return ""


def _may_begin_anew(store: Store, record: TaskRecord, opened: float) -> bool:
    """Whether nobody misses what the task holds."""
    from elsewhere import settings

    hours = settings.whole_number("reuse_hours", REUSE_HOURS, settings.find_folders())
    age = time.time() - max(opened, record.updated)
    if _obstacle(record) or age > hours * 3600:
        return False
    enqueued = record.queue is not None or any(event.kind == "queued" for event in store.events(record.id))
    return not enqueued and not _has_artifacts(record)


def _has_artifacts(record: TaskRecord) -> bool:
    """Whether the task has artifacts or models. There are none yet."""
    del record
    return False


def _taken(store: Store, record: TaskRecord, how: How) -> TaskRecord:
    """The task as a draft, with its results where it goes on.

    Raises:
        IllegalMove: somebody else was faster.
    """
    if record.status is Status.IN_PROGRESS:
        record = store.move(
            record.id,
            Status.STOPPED,
            expected=Status.IN_PROGRESS,
            message="its process vanished without a word",
        )
    if record.status is not Status.CREATED:
        stands = record.status
        with suppress(ServerUnreachable):
            return store.move(record.id, Status.CREATED, expected=stands, keeps_results=how == "continue")
        record = store.get(record.id)  # an answer that was lost
        if record.status is not Status.CREATED:
            return store.move(record.id, Status.CREATED, expected=stands, keeps_results=how == "continue")
    return record
