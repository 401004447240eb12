"""Any value of a parameter as a JSON value, and beside it in words what JSON cannot say of it.

``pack((0.9, 0.999))`` is ``[0.9, 0.999]`` of the type ``tuple``; ``pack(Path("data"))`` is ``"data"``
of the type ``pathlib.Path``. So a person reads and overrides a plain value, and the script gets
back what it had. The type is "" where the value is JSON's own, the name of a kind (of
``elsewhere.parameters.kinds``) or of a class (``train:Colour``) where that is all; else it is a JSON text:
a name, and the types of the pieces by key or index, ``*`` for all::

    ["tuple", {"*": "pathlib.Path"}]        ["", {"betas": "tuple", "mode": "train:Mode"}]
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Union

from elsewhere.parameters import classes, kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elsewhere.contract.value import JSONValue

    Shape = Union[str, "list[Any]"]

DEEPEST: Final = 100
"""Pieces in one another: what is deeper, such as what holds itself, is no parameter."""

_EVERY: Final = "*"
_WHOLE: Final = ""


class Unkeepable(Exception):
    """A value that no parameter can hold; the text says which piece of it, and why."""


class Mismatch(Exception):
    """A stored value that is none of its type, or a type that nothing loaded here has."""


class Packed(NamedTuple):
    """A value as it is stored."""

    value: JSONValue
    type: str

    def same(self, other: Packed | None) -> bool:
        """Whether they are equal, in type as well: 1, 1.0 and true are three, NaN is one."""
        return other is not None and self.type == other.type and _text(self.value) == _text(other.value)


def pack(value: object) -> Packed:
    """``value`` as it is stored.

    Raises:
        Unkeepable: it cannot be kept exactly.
    """
    plain, shape = _pack(value, "", DEEPEST)
    return Packed(plain, shape if isinstance(shape, str) else _text(shape))


def unpack(packed: Packed, known: Mapping[str, type[Any]] | None = None) -> Any:
    """What ``pack`` made of a value: equal to it, of equal type, and a thing of its own.

    Args:
        packed: What is stored.
        known: Classes by name, beside those that are loaded under their names.

    Raises:
        Mismatch: the value is none of its type any more, or nothing loaded here has that type.
    """
    shape: Any = packed.type
    try:
        if shape.startswith("["):
            shape = json.loads(shape)
        return _unpack(json.loads(_text(packed.value)), shape, known or {})
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Mismatch(f"{packed.value!r:.80} is no {packed.type:.80}: {error}") from None


def restored(packed: Packed) -> Any:
    """``unpack``, or the plain value where that is not possible."""
    try:
        return unpack(packed)
    except Mismatch:
        return packed.value


def _pack(value: object, where: str, depth: int) -> tuple[JSONValue, Shape]:
    if not depth:
        raise Unkeepable(f"{where[:60]}… is deeper than {DEEPEST} pieces in one another")
    raw = classes.raw_of(value) or kinds.raw_of(value)
    if raw is None:
        kind = type(value)
        raise Unkeepable(
            f"{where + ': ' if where else ''}{kind.__module__}.{kind.__qualname__} is no type to keep"
        )
    name, held = raw
    if isinstance(held, dict):
        fields = {key: _pack(item, f"{where}.{key}", depth - 1) for key, item in held.items()}
        inner = {key: shape for key, (_, shape) in fields.items() if shape}
        return {key: plain for key, (plain, _) in fields.items()}, _shape(name, inner)
    if isinstance(held, list):
        items = [_pack(item, f"{where}[{index}]", depth - 1) for index, item in enumerate(held)]
        shapes = [shape for _, shape in items]
        if shapes and shapes[0] and all(shape == shapes[0] for shape in shapes):
            return [plain for plain, _ in items], _shape(name, {_EVERY: shapes[0]})
        indexed = {str(index): shape for index, shape in enumerate(shapes) if shape}
        return [plain for plain, _ in items], _shape(name, indexed)
    if name and held is not None:
        plain, shape = _pack(held, where, depth - 1)
        return plain, _shape(name, {_WHOLE: shape} if shape else {})
    return held, name


def _shape(name: str, inner: Mapping[str, Shape]) -> Shape:
    return [name, dict(inner)] if inner else name


def _unpack(value: Any, shape: Any, known: Mapping[str, type[Any]]) -> Any:
    name, inner = (shape, {}) if isinstance(shape, str) else shape
    if inner and isinstance(value, dict):
        value = {key: _unpack(item, inner.get(key, ""), known) for key, item in value.items()}
    elif _WHOLE in inner:
        value = _unpack(value, inner[_WHOLE], known)
    elif inner and isinstance(value, list):
        every = inner.get(_EVERY, "")
        value = [_unpack(item, inner.get(str(index), every), known) for index, item in enumerate(value)]
    elif inner:
        raise TypeError("it holds nothing")
    return classes.made_of(name, value, known) if ":" in name else kinds.made_of(name, value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
