"""A run at a desk: the process that a person started, and the task that it is."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.write import ConfigurationSet
from elsewhere.desk.started import capture_started, find_started
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.started import Started
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish


class Drafted(NamedTuple):
    """A run that is ready to be queued."""

    record: TaskRecord
    store: Store
    notes: tuple[str, ...]
    """What the capture has to say, for the person at the desk."""


class Desk:
    """A task that runs at a desk. It is kept in memory: no store hears of it until it is sent."""

    given = False
    live = True

    def __init__(
        self, project: str | None, name: str | None, task_type: str, tags: Sequence[str], *, records: bool
    ) -> None:
        self._records = records
        self._wish: Wish | None = None
        # Now, before the script may change either.
        self._arguments = tuple(sys.argv[1:])
        self._working_directory = Path.cwd()
        self._mirror = MemoryStore()
        new = NewTask(
            project or self._repository().name,
            name or self._started().name,
            TaskSpec(Entry("")),
            type=task_type,
            tags=tuple(tags),
        )
        self._id = self._mirror.create(new, task_id=uuid.uuid4().hex).id
        self._mirror.move(self._id, Status.IN_PROGRESS, expected=Status.CREATED)

    @property
    def id(self) -> str:
        """The task's id."""
        return self._id

    def record(self) -> TaskRecord:
        """The task with all that was written here."""
        record = self._mirror.get(self._id)
        return replace(record, parameters={**record.parameters, **self._parsed()})

    def write(self, write: Write) -> None:
        """Make a change."""
        deliver(self._mirror, self._id, write)

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        kept = self._mirror.configuration(self._id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._mirror.get_blob(kept.blob), kept.suffix, kept.description)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        return list(self._mirror.configurations(self._id))

    def used(self, names: list[str]) -> None:
        """Do nothing: at a desk nothing is laid over what the script says."""

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Ask for something else than was captured."""
        from elsewhere.wish import Wish

        self._wish = change(self._wish or Wish())

    def store(self) -> Store:
        """The store of all tasks."""
        from elsewhere.connect import open_store

        return open_store()

    def flush(self, timeout: float | None = None) -> bool:
        """Nothing is under way."""
        del timeout
        return True

    def draft(self) -> Drafted:
        """Capture this run as it is now, and make a draft of it, which may then be queued.

        Raises:
            CaptureError: it cannot be captured.
            ServerUnreachable: no server answers.
        """
        from elsewhere import settings
        from elsewhere.connect import open_store

        started = self._started()
        resolved = settings.load()
        store = open_store(resolved)
        captured = capture_started(started, resolved)
        spec = captured.spec
        if self._wish is not None:
            spec = self._wish.fulfilled(spec, captured.root, self._working_directory)
        record = self.record()
        for payload in captured.payloads:
            store.put_blob(payload)
        new = NewTask(
            record.project, record.name, spec, record.parameters, type=record.type, tags=record.tags
        )
        return Drafted(store.create(new, task_id=uuid.uuid4().hex), store, captured.notes)

    def close(self) -> None:
        """End the task, not the process."""

    def _parsed(self) -> dict[str, JSONValue]:
        if not self._records or "elsewhere.parameters.ledger" not in sys.modules:
            return {}
        from elsewhere.parameters import ledger

        return ledger.recorded()

    def _repository(self) -> Path:
        folder = self._started().file.parent
        return next((home for home in (folder, *folder.parents) if (home / ".git").exists()), folder)

    def _started(self) -> Started:
        return find_started(self._arguments, self._working_directory)
