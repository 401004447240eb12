"""A session comes to the store: once, whoever imports it how often, and whatever dies meanwhile."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import IllegalMove, LateWrite, SchemaError, UsageError
from elsewhere.contract.status import Status
from elsewhere.contract.write import Edited, Happened, ParametersSet
from elsewhere.offline.recording import open_recording
from elsewhere.offline.shelf import LARGEST
from elsewhere.store.deliver import deliver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.offline.recording import Recording
    from elsewhere.store.protocol import Store


def import_session(
    store: Store, path: Path, *, into: str | None = None, iteration_offset: int = 0, largest: int = LARGEST
) -> str:
    """Bring the session at ``path``, a folder or an archive of one, into ``store``; the task's id.

    It may be repeated, also at the same time from elsewhere: each write is numbered, and the store
    drops those that it has. A session that was imported before changes nothing any more.

    Args:
        store: where to.
        path: what a run named when it ended; or the folder of one that could not end.
        into: id of the task that it goes on with; None makes one, with the id that it has had all along.
        iteration_offset: what is added to the steps of its series.
        largest: bytes that an archive may have when it is unpacked.

    Raises:
        SessionRefused: it is damaged, unsafe or none at all; the store was not touched.
        IllegalMove: the task was queued, is run by somebody else, or is published.
        TaskNotFound: there is no task ``into``.
        ServerUnreachable: the store does not answer any more; import it again.
    """
    with open_recording(path, largest=largest) as recording:
        return _Arrival(store, recording, into, iteration_offset).finish()


class _Arrival:
    """One session on its way into one task."""

    def __init__(self, store: Store, recording: Recording, into: str | None, offset: int) -> None:
        self._store = store
        self._recording = recording
        self._into = into
        self._offset = offset
        self._mark = f"importing the offline session {recording.session.id}"

    def finish(self) -> str:
        """Do what is not done yet."""
        session, ending = self._recording.session, self._recording.ending
        for data in self._recording.blobs():
            self._store.put_blob(data)
        if self._into is None:
            task = self._store.create(session.new, task_id=session.id)
        else:
            task = self._store.get(self._into)
        if self._is_there(task):
            return task.id
        try:
            task = self._take(task)
            for number, write in enumerate(self._all_writes(), 1):
                self._deliver(task, number, write)
            self._store.move(
                task.id,
                ending.status,
                expected=Status.IN_PROGRESS,
                message=ending.text,
                exit_code=ending.exit_code,
            )
        except (IllegalMove, LateWrite):
            # Another import of it may have come to its end meanwhile.
            if not self._is_there(self._store.get(task.id)):
                raise
        return task.id

    def _take(self, task: TaskRecord) -> TaskRecord:
        """The task, run by this import, or by one that was interrupted or runs beside it."""
        if task.status is not Status.IN_PROGRESS:
            try:
                return self._start(task)
            except IllegalMove:
                task = self._store.get(task.id)
        if task.status is Status.IN_PROGRESS and task.status_message == self._mark:
            return task
        raise IllegalMove(
            f"task {task.id} is {task.status}, so that nothing can be imported into it:"
            f" {task.status_message or 'it has work of its own'}",
            "Wait until it has ended, or take it out of its queue.",
        )

    def _start(self, task: TaskRecord) -> TaskRecord:
        if task.status.ended:
            self._store.move(task.id, Status.CREATED, expected=task.status, keeps_results=True)
        return self._store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED, message=self._mark)

    def _deliver(self, task: TaskRecord, number: int, write: Write) -> None:
        try:
            deliver(self._store, task.id, write, attempt=task.attempt, sequence=number)
        except (IllegalMove, SchemaError, UsageError) as error:
            # Its number must be taken: whoever goes on with this import counts it, too.
            told = f"write {number} of an offline session was not taken: {error.what}"
            self._store.record_event(task.id, "repaired", told, attempt=task.attempt, sequence=number)

    def _is_there(self, task: TaskRecord) -> bool:
        """Whether all of the session has come before: its last write says so."""
        if task.status is Status.IN_PROGRESS and task.status_message == self._mark:
            return False
        return any(
            event.kind == "imported" and event.detail.startswith(self._recording.session.id)
            for event in self._store.events(task.id)
        )

    def _all_writes(self) -> Iterator[Write]:
        """All that the task is to be told, always the same and in the same order."""
        session = self._recording.session
        if self._into is not None:
            yield ParametersSet(session.new.parameters, session.new.overrides)
            yield Edited(Edit(add_tags=session.new.tags, properties=session.new.properties))
        for write in self._recording.writes():
            yield shifted(write, self._offset)
        if self._recording.ending.status is Status.COMPLETED:
            yield Edited(Edit(progress=100.0))
        begun, ended = _moment(session.begun), self._recording.ended
        until = _moment(ended.time) if ended is not None else "an unknown moment"
        yield Happened(
            "imported", f"{session.id}: recorded offline on {session.machine} from {begun} until {until}"
        )


def shifted(write: Write, iteration_offset: int) -> Write:
    """``write`` with that much added to every step in it; no write of this version has any."""
    del iteration_offset
    return write


def _moment(seconds: float) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
