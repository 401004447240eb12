"""Classes that a script defines for its values: enumerations, named tuples, and those with fields.

Of the last there are four makes: dataclasses, attrs, and pydantic's of either version. Their libraries
are never imported here: who has such a value has loaded them. A class that only a stored text
names is looked up among what is loaded, and what is made of it is made without running its code.
"""

from __future__ import annotations

import copy
import enum
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elsewhere.parameters.kinds import Raw


def name_of(kind: type[Any]) -> str:
    """A class's name, ``MODULE:QUALIFIED.NAME``."""
    return f"{kind.__module__}:{kind.__qualname__}"


def raw_of(value: object) -> Raw | None:
    """Name and raw form of what is of such a class; else None."""
    kind: Any = type(value)
    if isinstance(value, enum.Enum):
        named = value.name in kind.__members__ if isinstance(value.name, str) else False
        return name_of(kind), value.name if named else [value.value]  # a flag of several members has no name
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return name_of(kind), list(value)
    names = field_names(kind)
    if names is None:
        return None
    held = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return name_of(kind), {**held, **(getattr(value, "__pydantic_extra__", None) or {})}


def made_of(name: str, raw: Any, known: Mapping[str, type[Any]]) -> Any:
    """What has that name and raw form, of a class in ``known`` or of one that is loaded.

    Raises:
        LookupError: there is no such class.
        TypeError: as ValueError.
        ValueError: the raw form is none of its kind.
    """
    kind: Any = known.get(name) or _loaded(name)
    if issubclass(kind, enum.Enum):
        if isinstance(raw, str):
            return kind.__members__[raw]
        (value,) = raw
        return kind(value)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        count = len(getattr(kind, "_fields"))  # noqa: B009 - a checker takes it for a plain tuple
        if not isinstance(raw, list) or len(raw) != count:
            raise ValueError(f"a {name} has {count} fields")
        return tuple.__new__(kind, raw)
    if field_names(kind) is None or not isinstance(raw, dict):
        raise LookupError(f"{name} is no class of fields")
    return _filled(kind, raw)


def field_names(kind: type[Any]) -> list[str] | None:
    """Names of the fields that values of the class have; None where it is no class of fields."""
    made = vars(kind) if isinstance(kind, type) else {}
    if "__dataclass_fields__" in made or hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        return [field.name for field in fields(kind)]
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    if is_pydantic(kind):
        return list(kind.model_fields)
    if is_pydantic_1(kind):
        return list(kind.__fields__)
    return None


def is_pydantic(kind: type[Any]) -> bool:
    """Whether the class is a model of pydantic 2."""
    return "pydantic.main" in sys.modules and isinstance(getattr(kind, "model_fields", None), dict)


def is_pydantic_1(kind: type[Any]) -> bool:
    """Whether the class is a model of pydantic 1, or of the ``pydantic.v1`` that 2 brings along."""
    if is_pydantic(kind) or not hasattr(kind, "__fields_set__"):
        return False
    return isinstance(getattr(kind, "__fields__", None), dict)


def classes_in(value: object, depth: int = 8) -> dict[str, type[Any]]:
    """The classes of ``value`` and of what it holds, by name."""
    raw = raw_of(value)
    found: dict[str, type[Any]] = {}
    if raw is not None:
        found[raw[0]] = type(value)
        value = raw[1]
    if depth and isinstance(value, (list, tuple, set, frozenset, dict)):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            found.update(classes_in(item, depth - 1))
    return found


def _loaded(name: str) -> type[Any]:
    module, colon, qualified = name.partition(":")
    # By their dictionaries: an attribute of a module may import what is not loaded yet.
    found: Any = sys.modules.get(module)
    for part in qualified.split("."):
        found = getattr(found, "__dict__", {})[part]
    if not colon or not isinstance(found, type):
        raise LookupError(f"no class {name!r} is loaded")
    return found


def _private(kind: Any) -> dict[str, Any] | None:
    declared = kind.__private_attributes__
    held = {name: note.default for name, note in declared.items() if note.default_factory is None}
    unset = "PydanticUndefinedType"
    kept = {name: value for name, value in held.items() if type(value).__name__ != unset}
    return copy.deepcopy(kept) if declared else None


def _filled(kind: type[Any], raw: dict[str, Any]) -> Any:
    if is_pydantic_1(kind):
        return kind.construct(**raw)
    made = object.__new__(kind)
    if is_pydantic(kind):
        extra = {name: item for name, item in raw.items() if name not in kind.model_fields}
        kept = {name: item for name, item in raw.items() if name in kind.model_fields}
        set_aside = kind.model_config.get("extra") == "allow"
        object.__setattr__(made, "__dict__", kept)
        object.__setattr__(made, "__pydantic_fields_set__", set(raw))
        object.__setattr__(made, "__pydantic_extra__", extra if set_aside else None)
        object.__setattr__(made, "__pydantic_private__", _private(kind))
        return made
    names = field_names(kind) or []
    for name, item in raw.items():
        if name not in names:
            raise ValueError(f"a {kind.__name__} has no field {name!r}")
        object.__setattr__(made, name, item)
    return made
