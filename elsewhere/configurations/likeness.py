"""Plain values as a script's own: where it has a tuple, the list that was kept is a tuple again."""

from __future__ import annotations

import math
import sys
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from elsewhere.configurations.text import as_json, is_numpy_scalar, key_text
from elsewhere.contract.errors import UsageError

if TYPE_CHECKING:
    from elsewhere.contract.value import JSONValue


def alike(kept: JSONValue, own: Any) -> Any:
    """``kept``, of the types that ``own`` has in the same places and JSON cannot hold.

    Whatever else differs is as it was kept: values, keys, order, and types that JSON has words
    for. What cannot be made alike stays plain, too. Items beyond the end of a list of the script's are like
    its last one.
    """
    if isinstance(kept, dict) and isinstance(own, dict):
        return _object(kept, own)
    if isinstance(kept, list) and isinstance(own, (list, tuple)):
        items = [
            alike(item, own[min(index, len(own) - 1)] if own else None) for index, item in enumerate(kept)
        ]
        return _tuple(items, own) if isinstance(own, tuple) else items
    if isinstance(own, Enum):
        return _member(kept, own)
    if isinstance(own, PurePath):
        return type(own)(kept) if isinstance(kept, str) else kept
    if is_numpy_scalar(own):
        return _numpy_scalar(kept, own)
    return kept


def _object(kept: dict[str, JSONValue], own: dict[Any, Any]) -> dict[Any, Any]:
    keys = {key_text(key): key for key in own}
    whole = bool(own) and all(isinstance(key, int) for key in own)
    return {
        keys.get(text, _whole(text) if whole else text): alike(item, own.get(keys.get(text)))
        for text, item in kept.items()
    }


def _whole(text: str) -> int | str:
    """A key that the script does not have, where all of its own are whole numbers."""
    try:
        return int(text) if str(int(text)) == text else text
    except ValueError:
        return text


def _tuple(items: list[Any], own: tuple[Any, ...]) -> Any:
    if not hasattr(own, "_fields"):
        return tuple(items)
    try:
        return type(own)(*items)
    except TypeError:  # a named tuple with another number of items
        return tuple(items)


def _member(kept: JSONValue, own: Enum) -> Any:
    """The member with that value, or with that name: a person may have written either."""
    try:
        return type(own)(kept)
    except ValueError:
        pass
    for name, member in type(own).__members__.items():
        if kept in (name, _plain(member)):
            return member
    return kept


def _plain(member: Enum) -> JSONValue:
    try:
        return as_json(member, "")
    except UsageError:
        return None


def _numpy_scalar(kept: JSONValue, own: Any) -> Any:
    """A number for a number: fractions are rounded as its type rounds them; what does not fit stays plain."""
    plain = own.item()
    whole = isinstance(kept, int) and not isinstance(kept, bool)
    if type(kept) is not type(plain) and not (whole and isinstance(plain, float)):
        return kept
    try:
        with sys.modules["numpy"].errstate(all="ignore"):
            made = type(own)(kept)
    except (TypeError, ValueError, OverflowError):
        return kept
    fits = made.item() == kept if not isinstance(kept, float) else math.isfinite(made) == math.isfinite(kept)
    return made if fits else kept
