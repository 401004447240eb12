"""A dict or list as JSON text that a person can edit.

What JSON cannot hold is refused by its path, such as ``model.layers[2]``, but for what the script
itself can make of plain values again, because it says what type it wants there (``likeness``): tuples
are written as lists, paths as texts, members of an enumeration as their values, single numbers of
numpy as numbers, and whole numbers that are keys as texts.
"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from elsewhere.contract.errors import UsageError

if TYPE_CHECKING:
    from elsewhere.contract.value import JSONValue


def encode_value(name: str, value: dict[Any, Any] | list[Any]) -> bytes:
    """The text of the configuration ``name``, as UTF-8. Order stays; NaN and infinities are words.

    Raises:
        UsageError: it holds what cannot be written; the message names where.
    """
    try:
        plain = as_json(value, name)
    except RecursionError:
        raise UsageError(
            f"the configuration {name!r} holds itself, or is nested too deep", "Connect plain data."
        ) from None
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a character, as names of files may have that are no UTF-8
        return json.dumps(plain, indent=2).encode()


def as_json(value: Any, path: str) -> JSONValue:
    """``value`` with plain values in place of what the module names.

    Raises:
        UsageError: of what JSON cannot hold; the message names ``path`` and what follows it.
    """
    if isinstance(value, Enum):
        return as_json(value.value, path)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return _object(value, path)
    if isinstance(value, (list, tuple)):
        return [as_json(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, PurePath):
        return str(value)
    if is_numpy_scalar(value) and not isinstance(value.item(), type(value)):
        return as_json(value.item(), path)
    raise UsageError(
        f"{path}: a {type(value).__name__} cannot be kept in a configuration",
        "Keep plain values there: texts, numbers, True, None, and dicts, lists and tuples of such.",
    )


def key_text(key: object) -> str | None:
    """The key as JSON has it; None where it cannot."""
    if isinstance(key, str):
        return key
    return str(key) if isinstance(key, int) and not isinstance(key, (bool, Enum)) else None


def is_numpy_scalar(value: object) -> bool:
    """Whether it is a single value of numpy's, which is not imported for that. Arrays are none."""
    return any((kind.__module__, kind.__name__) == ("numpy", "generic") for kind in type(value).__mro__)


def _object(value: dict[Any, Any], path: str) -> dict[str, JSONValue]:
    plain: dict[str, JSONValue] = {}
    for key, item in value.items():
        text = key_text(key)
        if text is None:
            raise UsageError(
                f"{path}: the key {key!r:.100} cannot be kept in a configuration",
                "Use texts, or whole numbers.",
            )
        if text in plain:
            raise UsageError(f"{path}: there are two keys {text!r}, one a number and one a text")
        plain[text] = as_json(item, f"{path}.{text}")
    return plain
