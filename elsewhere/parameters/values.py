"""Python values as JSON values, exactly, and as the text that a person would type for them."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from elsewhere.contract.task import JSONValue


class Absent:
    """The type of ``ABSENT``."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()
"""What stands for a value that cannot be kept: it is left to the script."""


def plain(value: object, typed: Callable[[object], str | None] = lambda _: None) -> JSONValue | Absent:
    """``value`` as a JSON value of exactly its type, else as the text a person would type for it.

    ``typed`` gives the text that somebody really typed for a value, where that is known.
    ``ABSENT`` is returned for what no text stands for: functions, modules, open objects.
    """
    exact = _exact(value)
    if not isinstance(exact, Absent):
        return exact
    text = typed(value)
    if text is None:
        text = _text(value)
    return ABSENT if text is None or not _storable(text) else text


def listed(value: object, typed: Callable[[object], str | None] = lambda _: None) -> JSONValue | Absent:
    """``plain``, but a tuple or list of anything is a list: for libraries that make either of it."""
    if not isinstance(value, (tuple, list)):
        return plain(value, typed)
    items: list[JSONValue] = []
    for item in value:
        kept = listed(item)
        if isinstance(kept, Absent):
            return ABSENT
        items.append(kept)
    return items


def json_text(value: JSONValue) -> str:
    """The one text of a JSON value: ``1.0``, ``true``, ``[1, 2]``."""
    return json.dumps(value, ensure_ascii=False)


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal in type as well: 1, 1.0 and true are three."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _exact(value: object) -> JSONValue | Absent:
    if value is None or type(value) in (bool, int, float):
        return value  # type: ignore[return-value]
    if type(value) is str:
        return value if _storable(value) else ABSENT
    if type(value) is list:
        items = [_exact(item) for item in value]
        return ABSENT if ABSENT in items else items  # type: ignore[return-value]
    if type(value) is dict:
        if not all(type(key) is str and _storable(key) for key in value):
            return ABSENT
        fields = {key: _exact(item) for key, item in value.items()}
        return ABSENT if ABSENT in fields.values() else fields  # type: ignore[return-value]
    return ABSENT


def _text(value: object) -> str | None:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return path if isinstance(path, str) else None
    if callable(value) or isinstance(value, types.ModuleType):
        return None
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        items = [*value, *value.values()] if isinstance(value, dict) else [*value]
        if ABSENT in [plain(item) for item in items]:
            return None
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        return None
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - the text of a user's object is the user's code
        return None
    # `<file ...>`, or an address in memory: true of this process only.
    return None if text.startswith("<") or " at 0x" in text else text


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: bytes of a file's name that are no text
        return False
    return True
