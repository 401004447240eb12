"""Names of parameters: ``Section/key``, and ``Section/outer/inner`` for what is nested.

A key that is not text of its own, or that would be read as two, is written otherwise: ``a/b`` as
``a%2Fb``, half a surrogate pair as ``%uD800``, and a ``%`` before such as ``%25``. So nested values
and their names determine each other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from elsewhere.contract.errors import UsageError
from elsewhere.parameters.kinds import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_SECTION: Final = "General"
"""Where a parameter stands whose section nobody says."""

_SPECIAL: Final = re.compile(r"/|%(?=2F|25|u[0-9A-F]{4})|[\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"%(2F|25|u[0-9A-F]{4})")


def full_name(name: object) -> str:
    """``name`` with its section, which is ``General`` where it has none.

    Raises:
        UsageError: it is no text, empty, or has no section before its slash.
    """
    if not isinstance(name, str) or not name or name.startswith("/") or not storable(name):
        raise UsageError(
            f"{name!r:.100} is no name of a parameter", "Write it as SECTION/KEY, such as Args/lr."
        )
    return name if "/" in name else f"{DEFAULT_SECTION}/{name}"


def written(key: object) -> str:
    """A key as it stands in a name."""
    text = key if isinstance(key, str) else str(key)
    return _SPECIAL.sub(lambda found: _escape(found[0]), text)


def read(part: str) -> str:
    """The key that stands so in a name."""
    return _ESCAPED.sub(lambda found: chr(int(found[1].lstrip("u"), 16)), part)


def is_branch(value: object) -> bool:
    """Whether each item of ``value`` is a parameter of its own: of a dict with text for keys, not empty."""
    return type(value) is dict and bool(value) and all(type(key) is str for key in value)


def leaves(nested: Mapping[Any, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Names and values of a nested dict's leaves, below ``prefix``."""
    for key, item in nested.items():
        name = f"{prefix}{written(key)}"
        if is_branch(item):
            yield from leaves(item, f"{name}/")  # type: ignore[arg-type]
        else:
            yield name, item


def sections(nested: Mapping[Any, object]) -> Iterator[tuple[str, object]]:
    """Names and values of a dict of sections; what is no dict stands in ``General``.

    Raises:
        UsageError: a section, or a key of one, is no text.
    """
    for section, item in nested.items():
        if not isinstance(item, dict):
            yield f"{DEFAULT_SECTION}/{written(_text(section))}", item
            continue
        for key in item:
            _text(key)
        yield from leaves(item, f"{written(_text(section))}/")


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dict of what has such names.

    Where a name has a value and is above others, too, those keep the rest of their names as one key.
    """
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        parts = name.split("/")
        depth = next((at for at in range(1, len(parts)) if "/".join(parts[:at]) in flat), len(parts))
        place = nested
        for part in parts[: depth - 1]:
            place = place.setdefault(read(part), {})
        place[read(parts[-1]) if depth == len(parts) else "/".join(parts[depth - 1 :])] = value
    return nested


def _text(key: object) -> str:
    if not isinstance(key, str):
        raise UsageError(
            f"{key!r:.100} is no name of a section, or of a parameter in one: it is no text",
            "Put a dict with other keys under a name of its own: {'General': {'table': {1: 'a'}}}.",
        )
    return key


def _escape(character: str) -> str:
    return f"%{ord(character):02X}" if character in "/%" else f"%u{ord(character):04X}"
