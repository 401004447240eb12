"""What is changed of a task on a server."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.task import (
    JSONValue,
    Parameters,
    TaskRecord,
)
from elsewhere.store.redis import editing
from elsewhere.store.redis.served import Served


class Edits(Served):
    """See ``Store`` for what each method promises."""

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
