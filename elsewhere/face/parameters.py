"""A task's parameters: typed values under ``Section/key``."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from elsewhere.contract.task import TaskRecord
    from elsewhere.parameters.typed import Packed


class Parameters(Face):
    """Parameters of a task.

    Values are kept with their types: what JSON has no form for (None in a list of ints is JSON;
    a tuple, a path, a member of an enumeration are not) is kept as plain as a person would write
    it, and comes back as it was where it is asked for with ``cast=True``.

    In an attempt, what somebody set by hand over the script holds, whatever the script sets. Of a task
    that has ended they say what it ran with: to set them raises ``IllegalMove``, as for configurations.
    """

    def get_parameters(self, cast: bool = False) -> dict[str, Any]:
        """All parameters by ``Section/key``, such as ``{"Args/lr": 0.1}``.

        Args:
            cast: Values of the types that they had when they were set, in the place of JSON's.
                What is of a class that is not loaded here stays JSON's: nothing is imported.
        """
        record = self._record()
        if self._place.given and record.overrides:
            from elsewhere.parameters.writer import writer_of

            # Where the script connects or parses a section, what it does not know there is none of its own,
            # though it may print it.
            own = writer_of(self._place).sections()
            self._tell_used(record, [name for name in record.parameters if name.partition("/")[0] not in own])
        return {name: _value(record, name, cast) for name in record.parameters}

    def get_parameters_as_dict(self, cast: bool = False) -> dict[str, Any]:
        """All parameters as nested dicts: ``{"Args": {"lr": 0.1}, "General": {"optimizer": {…}}}``."""
        from elsewhere.parameters.names import nest

        return nest(self.get_parameters(cast))

    def get_parameter(self, name: str, default: Any = None, cast: bool = False) -> Any:
        """One parameter, ``default`` where there is none of that name.

        Args:
            name: ``Section/key``; without a section it stands in ``General``.
            default: What is returned where there is none.
            cast: As in ``get_parameters``.

        Raises:
            UsageError: it is no name.
        """
        from elsewhere.parameters.names import full_name

        record, full = self._record(), full_name(name)
        if full not in record.parameters:
            return default
        self._tell_used(record, (full,))
        return _value(record, full, cast)

    def set_parameters(self, *args: Mapping[str, Any] | Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        """Let these take the place of all parameters that the task has.

        Args:
            *args: Dicts, or pairs, from ``Section/key`` to values; without a section a name stands
                in ``General``. A dict is one value here.
            **kwargs: The same, by key.

        Raises:
            UsageError: a value that cannot be kept, named by its name; nothing is changed then.
        """
        self._set(_merged(args, kwargs), replaces=True)

    def update_parameters(self, *args: Mapping[str, Any] | Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        """Set these parameters, all others stay. All else as in ``set_parameters``."""
        self._set(_merged(args, kwargs))

    def set_parameters_as_dict(self, dictionary: Mapping[str, Any]) -> None:
        """Set the parameters of nested dicts, ``{"Section": {"outer": {"key": value}}}``; all others stay.

        Raises:
            UsageError: a section or a parameter whose name is no text, or a value that cannot be kept.
        """
        from elsewhere.parameters.names import sections

        self._set(dict(sections(dictionary)))

    def set_parameter(
        self, name: str, value: Any, description: str | None = None, value_type: type[Any] | str | None = None
    ) -> None:
        """Set one parameter.

        Args:
            name: ``Section/key``; without a section it stands in ``General``.
            value: Anything that ``get_parameters(cast=True)`` can give back.
            description: What it is for; left out, what was said before stays.
            value_type: Make it one of this type first, given as a class or as the name of one of
                Python's own: ``"0.1"`` is 0.1 for ``float``.

        Raises:
            UsageError: it is no name, or the value cannot be kept or is none of that type.
        """
        from elsewhere.parameters.names import full_name

        if value_type is not None:
            value = _made(full_name(name), value, value_type)
        self._set({name: value}, description=description)

    def delete_parameter(self, name: str, force: bool = False) -> bool:
        """Drop a parameter, and return whether there was one.

        Args:
            name: ``Section/key``; without a section it stands in ``General``.
            force: Also of a task that is no draft any more.

        Raises:
            UsageError: it is no name, or it takes force.
        """
        from elsewhere.contract.status import Status
        from elsewhere.parameters.names import full_name
        from elsewhere.parameters.writer import writer_of

        record, full = self._record(), full_name(name)
        if record.status is not Status.CREATED and not force:
            raise misuse(
                f"task {record.id} is {record.status}: its parameters say what it runs or ran with",
                f"Pass force=True to drop {full} all the same, or do so in a clone.",
            )
        if full not in record.parameters:
            return False
        writer_of(self._place).delete((full,))
        return True

    def _set(
        self, values: Mapping[str, Any], *, replaces: bool = False, description: str | None = None
    ) -> None:
        from elsewhere.parameters.names import full_name
        from elsewhere.parameters.typed import Unkeepable, pack
        from elsewhere.parameters.writer import writer_of

        packed: dict[str, Packed] = {}
        for name, value in values.items():
            full = full_name(name)
            try:
                packed[full] = pack(value)
            except Unkeepable as error:
                raise misuse(
                    f"parameter {full} cannot be kept: {error}",
                    "Set what it is made of instead: numbers, texts, lists, dicts, paths, members of an"
                    " enumeration, dataclasses.",
                ) from error
        writer_of(self._place).set(packed, replaces=replaces, description=description)

    def _tell_used(self, record: TaskRecord, names: Iterable[str]) -> None:
        if self._place.given:
            read = sorted(set(names).intersection(record.overrides))
            if read:
                self._place.used(read)


def _merged(
    dicts: tuple[Mapping[str, Any] | Iterable[tuple[str, Any]], ...], named: Mapping[str, Any]
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in dicts:
        merged.update(each)
    return {**merged, **named}


def _value(record: TaskRecord, name: str, cast: bool) -> Any:
    if not cast:
        return record.parameters[name]
    from elsewhere.parameters.laying import packed_of
    from elsewhere.parameters.typed import restored

    return restored(packed_of(record, name))


def _made(name: str, value: Any, wanted: type[Any] | str) -> Any:
    from elsewhere.parameters.fitting import Unfit, fit_to

    if isinstance(wanted, str):
        import builtins

        found = vars(builtins).get(wanted)
        if not isinstance(found, type):
            raise misuse(
                f"{wanted!r} is no type of Python's own", "Give the class itself, or a name such as 'float'."
            )
        wanted = found
    try:
        return fit_to(value, wanted)
    except Unfit as error:
        raise misuse(f"parameter {name}: {error}", f"Give a {wanted.__name__}.") from None
