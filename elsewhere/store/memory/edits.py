"""What is changed of a task in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.task import (
    JSONValue,
    Parameters,
    TaskRecord,
)
from elsewhere.store.edit_rules import (
    check_edit,
)
from elsewhere.store.memory.held import Held


class Edits(Held):
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
