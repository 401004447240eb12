"""User properties as scripts write them: by name, as dicts, in lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from elsewhere.contract.codec import decode_parameters, encode_parameters
from elsewhere.contract.edit import Property
from elsewhere.contract.errors import SchemaError, UsageError

if TYPE_CHECKING:
    from elsewhere.contract.value import JSONValue

_FIELDS = {"value", "description", "type"}
_IGNORED = {"section"}
"""What clients of other servers say beside them."""

_FORMS = (
    "Write name=value, {name: value}, {name: {'value': …, 'description': …, 'type': …}},"
    " or {'name': …, 'value': …}, alone or in a list."
)


def read_properties(iterables: Iterable[Any], named: Mapping[str, Any]) -> dict[str, Property]:
    """All properties that are meant; of two with one name, the later one.

    Raises:
        UsageError: one has no name or no value, or a field that none has.
    """
    notes: dict[str, Property] = {}
    for given in iterables:
        if isinstance(given, Mapping):
            notes.update(_of_mapping(given))
        elif isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
            for item in given:
                notes.update(_of_item(item))
        else:
            raise UsageError(f"{given!r:.100} is no user property", _FORMS)
    notes.update({_name(name): _property(name, value) for name, value in named.items()})
    return notes


def read_names(given: Iterable[Any]) -> tuple[str, ...]:
    """The names that are meant, each once.

    Raises:
        UsageError: something that names no property.
    """
    names: dict[str, None] = {}
    for one in given:
        name = one
        if isinstance(one, Mapping):
            name = one.get("name")
        elif isinstance(one, (list, tuple)) and len(one) == 2:
            name = one[1]
        if not isinstance(name, str) or not name:
            raise UsageError(f"{one!r:.100} names no user property", "Give the properties' names.")
        names[name] = None
    return tuple(names)


def _of_mapping(given: Mapping[Any, Any]) -> dict[str, Property]:
    # {"name": …, "value": …} is one property, not two of these names.
    if {"name", "value"} <= given.keys() <= {"name", *_FIELDS, *_IGNORED}:
        return _of_item(given)
    return {_name(name): _property(name, value) for name, value in given.items()}


def _of_item(item: Any) -> dict[str, Property]:
    if isinstance(item, Mapping) and "name" in item:
        details = {field: value for field, value in item.items() if field != "name"}
        return {_name(item["name"]): _property(item["name"], details, must_be_details=True)}
    if isinstance(item, Mapping):
        return _of_mapping(item)
    if isinstance(item, (list, tuple)) and len(item) == 2:
        return {_name(item[0]): _property(*item)}
    raise UsageError(f"{item!r:.100} is no user property", _FORMS)


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or not _is_unicode(name):
        raise UsageError(f"a user property cannot be named {name!r:.100}", "Name it by a text.")
    return name


def _property(name: object, given: Any, *, must_be_details: bool = False) -> Property:
    """A dict that has a value is one of details; any other is a value itself."""
    details = isinstance(given, Mapping) and ("value" in given or must_be_details)
    if not details:
        return Property(*_storable(given))
    if "value" not in given:
        raise UsageError(f"the user property {name!r} has no value", _FORMS)
    known = {*_FIELDS, *_IGNORED, *(["name"] if given.get("name") == name else [])}
    strange = sorted(str(field) for field in given.keys() - known)
    if strange:
        raise UsageError(f"the user property {name!r} has a field {strange[0]!r}, which none has", _FORMS)
    value, own_type = _storable(given["value"])
    said = given.get("type")
    said = said.__name__ if isinstance(said, type) else str(said or "")
    return Property(value, said or own_type, str(given.get("description") or ""))


def _storable(value: Any) -> tuple[JSONValue, str]:
    """The value, and its type where JSON has no word for it; nothing is shared with the script."""
    try:
        text = encode_parameters({"value": _plain(value)})
        if _is_unicode(text):
            return decode_parameters(text)["value"], ""
    except (SchemaError, RecursionError, ValueError):
        pass
    return str(value).encode("utf-8", "backslashreplace").decode(), type(value).__name__


def _is_unicode(text: str) -> bool:
    """Whether it holds no half of a character, such as names of files that are no UTF-8 do."""
    return text.encode("utf-8", "replace") == text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    # Single numbers of numpy and torch say what they are in Python.
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return list(value) if isinstance(value, tuple) else value
