"""User properties: notes on a task that are never part of what runs."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


class Noting(Face):
    """A task's user properties. They can be changed at any status, and change nothing that runs."""

    def set_user_properties(
        self, *iterables: Mapping[str, Any] | Iterable[Mapping[str, Any]], **properties: Any
    ) -> None:
        """Set properties of the task; those with other names stay.

        A property is a value, or a dict of ``value`` and, if wanted, ``description`` and ``type``.
        Values keep their types: numbers, texts, True, None, lists and dicts of such. What JSON
        cannot hold is kept as its text, with the name of its type.

        Args:
            iterables: Dicts of properties by their names; one dict of ``name`` and ``value`` (and
                description, type); or several such in a list.
            properties: Properties by their names.

        Raises:
            UsageError: a property without name or value, or with a field that none has.
        """
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited
        from elsewhere.properties import read_properties

        notes = read_properties(iterables, properties)
        if notes:
            self._place.write(Edited(Edit(properties=notes)))

    def get_user_properties(self, value_only: bool = False) -> dict[str, Any]:
        """The task's properties by their names.

        Each is a dict of ``name``, ``value``, ``type`` and ``description`` (the last two "" where
        nobody said), which ``set_user_properties`` takes again.

        Args:
            value_only: Give the values alone.
        """
        notes = self._record().properties
        if value_only:
            return {name: note.value for name, note in notes.items()}
        return {
            name: {"name": name, "value": note.value, "type": note.type, "description": note.description}
            for name, note in notes.items()
        }

    def delete_user_properties(self, *names: str | Iterable[Any]) -> None:
        """Drop properties of the task; names that none has are passed over.

        Args:
            names: Names; also as dicts with a ``name``, or as pairs of a section and a name.

        Raises:
            UsageError: something that names no property.
        """
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited
        from elsewhere.properties import read_names

        gone = read_names(names)
        if gone:
            self._place.write(Edited(Edit(remove_properties=gone)))
