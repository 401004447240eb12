"""A desk's own copy of its task: what is read of it is read here, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.write import ConfigurationSet
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore

if TYPE_CHECKING:
    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending


class Mirror:
    """One task in memory that is in progress. Whoever calls holds the desk's lock."""

    def __init__(self, new: NewTask, task_id: str) -> None:
        self._store = MemoryStore()
        self._store.create(new, task_id=task_id)
        self._store.move(task_id, Status.IN_PROGRESS, expected=Status.CREATED)
        self._id = task_id

    @classmethod
    def of(cls, record: TaskRecord, configurations: tuple[ConfigurationSet, ...]) -> Mirror:
        """A task that goes on."""
        new = NewTask(
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
        mirror = cls(new, record.id)
        for configuration in configurations:
            mirror.write(configuration)
        return mirror

    def record(self) -> TaskRecord:
        """The task."""
        return self._store.get(self._id)

    def write(self, write: Write) -> None:
        """Make a change; raises what no store would take, too."""
        deliver(self._store, self._id, write)

    def end(self, ending: Ending) -> None:
        """The run has ended; the first ending counts."""
        if self.record().status is Status.IN_PROGRESS:
            self._store.move(
                self._id,
                ending.status,
                expected=Status.IN_PROGRESS,
                message=ending.text,
                exit_code=ending.exit_code,
            )

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        kept = self._store.configuration(self._id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._store.get_blob(kept.blob), kept.suffix, kept.description)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        return list(self._store.configurations(self._id))

    def whole_configurations(self) -> tuple[ConfigurationSet, ...]:
        """All of them."""
        found = (self.configuration(name) for name in self.configurations())
        return tuple(one for one in found if one is not None)
