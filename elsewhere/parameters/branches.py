"""What has parameters below it: dicts, classes, and objects with fields or attributes.

A branch gives its items with the types that are declared for them, and takes others: in place
where it can be changed, and else as a copy.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from elsewhere.parameters import classes
from elsewhere.parameters.fitting import Unfit, fit, hints_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elsewhere.parameters.typed import Packed


class Branch:
    """A dict, or anything that is changed item by item."""

    whole = True
    """Whether other keys may take the place of those that are there."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def items(self) -> dict[Any, Any]:
        """What it holds, by key; of OmegaConf's, with lists of Python's own, and without what is missing."""
        if type(self.value).__module__ != "omegaconf.dictconfig":
            return dict(self.value)
        omegaconf = sys.modules["omegaconf"].OmegaConf
        present = [key for key in self.value if not omegaconf.is_missing(self.value, key)]
        return {key: _own(self.value[key], omegaconf) for key in present}

    def fitted(self, key: Any, packed: Packed, local: object) -> Any:
        """What is stored, as a value that may stand under ``key``.

        Raises:
            Unfit: it may not.
        """
        del key
        return fit(packed, local)

    def replaced(self, changes: Mapping[Any, Any]) -> Any:
        """The same with other items: itself, or a copy of what is frozen."""
        for key, item in changes.items():
            self.value[key] = item
        return self.value

    def swapped(self, items: Mapping[Any, Any]) -> Any:
        """The same with these items only."""
        self.value.clear()
        return self.replaced(items)


class Attributes(Branch):
    """A class, or an object: its public attributes that are values."""

    whole = False

    def items(self) -> dict[Any, Any]:
        """What it holds, by name; those of its classes, too."""
        kind = self.value if isinstance(self.value, type) else type(self.value)
        found: dict[str, Any] = {}
        for each in reversed(kind.__mro__[:-1]):
            found.update(
                {name: getattr(self.value, name, None) for name in vars(each) if _is_value(each, name)}
            )
        if self.value is not kind:
            found.update(getattr(self.value, "__dict__", {}))
        return {name: item for name, item in found.items() if not name.startswith("_") and not callable(item)}

    def fitted(self, key: Any, packed: Packed, local: object) -> Any:
        """As in a branch, by the type that the class declares."""
        kind = self.value if isinstance(self.value, type) else type(self.value)
        return fit(packed, local, hints_of(kind).get(key))

    def replaced(self, changes: Mapping[Any, Any]) -> Any:
        """The same with other attributes."""
        for name, item in changes.items():
            setattr(self.value, name, item)
        return self.value


class Fields(Attributes):
    """A dataclass, or one of attrs or pydantic: the fields that it is made with."""

    def items(self) -> dict[Any, Any]:
        """What it holds, by name of the field."""
        value = self.value
        names = [name for name in _made_with(type(value)) if not name.startswith("_")]
        return {name: getattr(value, name) for name in names if hasattr(value, name)}

    def fitted(self, key: Any, packed: Packed, local: object) -> Any:
        """As in a branch, by the type that the field has; pydantic's own rules hold as well."""
        kind = type(self.value)
        if not (classes.is_pydantic(kind) or classes.is_pydantic_1(kind)):
            return super().fitted(key, packed, local)
        try:
            wanted = super().fitted(key, packed, local)
        except Unfit:
            wanted = packed.value
        return _validated(kind, key, wanted)

    def replaced(self, changes: Mapping[Any, Any]) -> Any:
        """The same with other fields: itself, or a copy where it is frozen.

        Raises:
            Unfit: the class does not take them.
        """
        if not changes:
            return self.value
        try:
            if _is_frozen(type(self.value)):
                return _copied(self.value, changes)
            return super().replaced(changes)
        except (TypeError, ValueError) as error:
            raise Unfit(f"{type(self.value).__name__} refuses it: {error}") from error


def branch_of(value: object) -> Branch | None:
    """What ``value`` has below it, where it stands below another; None where it is one value."""
    if isinstance(value, MutableMapping):
        return Branch(value) if value and all(type(key) is str for key in value) else None
    if isinstance(value, type):
        return None
    if classes.field_names(type(value)) is not None:
        return Fields(value)
    namespaces = [("argparse", "Namespace"), ("types", "SimpleNamespace")]
    loaded = [vars(sys.modules[module])[name] for module, name in namespaces if module in sys.modules]
    return Attributes(value) if type(value) in loaded else None


def root_of(value: object) -> Branch:
    """What a script connects, whatever it is."""
    if isinstance(value, MutableMapping):
        return Branch(value)
    if not isinstance(value, type) and classes.field_names(type(value)) is not None:
        return Fields(value)
    return Attributes(value)


def _own(value: Any, omegaconf: Any) -> Any:
    is_leaf = omegaconf.is_list(value) or (omegaconf.is_dict(value) and not value)
    return omegaconf.to_container(value, resolve=True) if is_leaf else value


def _is_value(kind: type[Any], name: str) -> bool:
    held = vars(kind)[name]
    if type(held).__name__ == "member_descriptor":
        return True  # a slot
    return not hasattr(type(held), "__get__") and type(held).__name__ != "module"


def _made_with(kind: Any) -> list[str]:
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        return [field.name for field in fields(kind) if field.init]
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__ if attribute.init]
    return classes.field_names(kind) or []


def _is_frozen(kind: Any) -> bool:
    if hasattr(kind, "__dataclass_params__"):
        return bool(kind.__dataclass_params__.frozen)
    if hasattr(kind, "__attrs_attrs__"):
        return "Frozen" in str(getattr(kind.__setattr__, "__qualname__", "")) or (
            kind.__setattr__.__name__ == "_frozen_setattrs"
        )
    if classes.is_pydantic(kind):
        return bool(kind.model_config.get("frozen")) or any(f.frozen for f in kind.model_fields.values())
    return not kind.__config__.allow_mutation or bool(getattr(kind.__config__, "frozen", False))


def _copied(value: Any, changes: Mapping[Any, Any]) -> Any:
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import replace

        return replace(value, **changes)
    if hasattr(kind, "__attrs_attrs__"):
        aliases = {each.name: getattr(each, "alias", None) or each.name for each in kind.__attrs_attrs__}
        return sys.modules["attr"].evolve(value, **{aliases[name]: item for name, item in changes.items()})
    copy = value.model_copy if classes.is_pydantic(kind) else value.copy
    return copy(update=dict(changes))


def _validated(kind: Any, name: str, value: Any) -> Any:
    """What pydantic makes of a value for the field."""
    if not classes.is_pydantic(kind):
        made, errors = kind.__fields__[name].validate(value, {}, loc=name)
        if errors:
            raise Unfit(f"{value!r:.80}: {getattr(errors, 'exc', errors)}")
        return made
    from typing import Annotated

    pydantic = sys.modules["pydantic"]
    field = kind.model_fields[name]
    adapter = pydantic.TypeAdapter(Annotated[field.annotation, field])
    try:
        return adapter.validate_python(value)
    except ValueError as error:
        errors = getattr(error, "errors", None)
        first = error if errors is None else errors()[0]["msg"]
        raise Unfit(f"{value!r:.80}: {first}") from None
