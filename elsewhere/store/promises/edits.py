"""What is changed of a task: parameters, configurations, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.task import JSONValue, TaskRecord


class Edits(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

    def set_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Merge ``parameters`` into the task's; name those set by hand in ``overrides``.

        ``sequence`` is the number of the write among those of ``attempt``, as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def replace_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Let ``parameters`` take the place of the task's, all else as in ``set_parameters``.

        Of those that are gone, what is known and that they were set by hand is gone, too.
        """
        ...

    def delete_parameters(
        self,
        task_id: str,
        names: Collection[str],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Drop parameters, and what is known of them; names that nobody has are passed over.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def edit(
        self, task_id: str, edit: Edit, *, attempt: int | None = None, sequence: int | None = None
    ) -> TaskRecord:
        """Make the changes of ``edit``, all or none, and return the task.

        Possible at any status, but for the spec. Edits made at the same time merge field by field.
        ``archived`` is a system tag. ``sequence`` as in ``append_log``.

        Raises:
            IllegalMove: another spec for what is no draft.
            LateWrite: ``attempt`` is given and is not the task's newest.
            SchemaError: a value that cannot be stored.
            TaskNotFound: there is no such task.
            UsageError: a progress outside of 0 to 100, or an empty name, project or type.
        """
        ...

    def set_configuration(
        self,
        task_id: str,
        name: str,
        configuration: Configuration,
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Keep ``configuration``, whose blob was put before, under its name.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def delete_configuration(
        self, task_id: str, name: str, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Drop the configuration of that name, if there is one; raises what ``set_configuration`` does."""
        ...

    def configuration(self, task_id: str, name: str) -> Configuration | None:
        """The configuration of that name; None where there is none.

        Raises:
            SchemaError: another version of Elsewhere wrote it.
        """
        ...

    def configurations(self, task_id: str) -> dict[str, Configuration]:
        """All configurations of the task, by name.

        Raises:
            SchemaError: another version of Elsewhere wrote one of them.
        """
        ...
