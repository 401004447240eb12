"""Values of one piece that JSON has no form for: each kind's name, its raw form, and the way back.

A raw form is JSON's own, or a list or dict whose items are packed in their turn. What is made of a
raw form is data of the standard library or of numpy, where that is loaded: never code that a
task names.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import os
import pathlib
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Raw = tuple[str, Any]

LONGEST_INTEGER: Final = 14_000
"""Bits. Python refuses to read longer ones in decimals, and so does its JSON."""

_NUMPY: Final = "numpy."
_NUMPY_KINDS: Final = "biufcSU"
"""Of dtypes: all but dates, whose unit a number does not tell, objects and raw memory."""


def raw_of(value: object) -> Raw | None:
    """Name and raw form of ``value``, where its type is exactly one of the kinds; else None."""
    kind = type(value)
    if kind.__module__ == "numpy":
        return _numpy_raw(value)
    encode = _RAW.get(kind)
    return None if encode is None else encode(value)


def made_of(name: str, raw: Any) -> Any:
    """What has that name and raw form.

    Raises:
        LookupError: there is no such kind, or numpy is not loaded.
        ArithmeticError: as ValueError.
        TypeError: as ValueError.
        ValueError: the raw form is none of its kind.
    """
    if name.startswith(_NUMPY):
        return _numpy_made(name[len(_NUMPY) :], raw)
    return _MADE[name](raw)


def also(kind: type[Any], encode: Callable[[Any], Raw]) -> None:
    """Let ``encode`` give the raw form of what is exactly a ``kind``."""
    _RAW[kind] = encode


def storable(text: str) -> bool:
    """Whether the text has a UTF-8 form: one with half a surrogate pair, such as bytes of a file's name
    that are no text, has none.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(value: int) -> Raw:
    return ("", value) if value.bit_length() < LONGEST_INTEGER else ("int", hex(value))


def _text(value: str) -> Raw:
    return ("", value) if storable(value) else ("str", value.encode("unicode_escape").decode("ascii"))


def _mapping(value: dict[Any, Any]) -> Raw:
    if all(type(key) is str and storable(key) for key in value):
        return "", value
    return "dict", [[key, item] for key, item in value.items()]


def _members(value: set[Any] | frozenset[Any]) -> list[Any]:
    # In one order, whatever the seed of the process's hashes.
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=lambda item: (type(item).__qualname__, repr(item)))


def _moment(value: datetime.datetime) -> Raw | None:
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        return None  # a zone's rules are no part of a moment's text
    return "datetime.datetime", [value.isoformat(), 1] if value.fold else value.isoformat()


def _made_moment(raw: Any) -> datetime.datetime:
    text, fold = (raw, 0) if isinstance(raw, str) else raw
    return datetime.datetime.fromisoformat(_is(str, text)).replace(fold=fold)


def _hour(value: datetime.time) -> Raw | None:
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        return None
    return "datetime.time", [value.isoformat(), 1] if value.fold else value.isoformat()


def _made_hour(raw: Any) -> datetime.time:
    text, fold = (raw, 0) if isinstance(raw, str) else raw
    return datetime.time.fromisoformat(_is(str, text)).replace(fold=fold)


def _path(value: pathlib.PurePath) -> Raw:
    return "pathlib.Path", os.fspath(value)


def _is(kind: type[Any], raw: Any) -> Any:
    if not isinstance(raw, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(raw).__name__}")
    return raw


def _made_mapping(raw: Any) -> dict[Any, Any]:
    return {key: item for key, item in _is(list, raw)}  # noqa: C416 - pairs, and nothing else


def _bytes(raw: Any) -> bytes:
    return base64.b64decode(_is(str, raw), validate=True)


_RAW: Final[dict[type[Any], Callable[[Any], Raw | None]]] = {
    type(None): lambda value: ("", value),
    bool: lambda value: ("", value),
    float: lambda value: ("", value),
    int: _integer,
    str: _text,
    list: lambda value: ("", value),
    dict: _mapping,
    tuple: lambda value: ("tuple", list(value)),
    set: lambda value: ("set", _members(value)),
    frozenset: lambda value: ("frozenset", _members(value)),
    bytes: lambda value: ("bytes", base64.b64encode(value).decode()),
    bytearray: lambda value: ("bytearray", base64.b64encode(value).decode()),
    complex: lambda value: ("complex", [value.real, value.imag]),
    range: lambda value: ("range", [value.start, value.stop, value.step]),
    decimal.Decimal: lambda value: ("decimal.Decimal", str(value)),
    fractions.Fraction: lambda value: ("fractions.Fraction", [value.numerator, value.denominator]),
    uuid.UUID: lambda value: ("uuid.UUID", str(value)),
    datetime.datetime: _moment,
    datetime.date: lambda value: ("datetime.date", value.isoformat()),
    datetime.time: _hour,
    datetime.timedelta: lambda value: (
        "datetime.timedelta",
        [value.days, value.seconds, value.microseconds],
    ),
    type(pathlib.Path()): _path,
    pathlib.PurePosixPath: lambda value: ("pathlib.PurePosixPath", os.fspath(value)),
    pathlib.PureWindowsPath: lambda value: ("pathlib.PureWindowsPath", os.fspath(value)),
}

_MADE: Final[dict[str, Callable[[Any], Any]]] = {
    "": lambda raw: raw,
    "int": lambda raw: int(_is(str, raw), 16),
    "str": lambda raw: _is(str, raw).encode("ascii").decode("unicode_escape"),
    "dict": _made_mapping,
    "tuple": lambda raw: tuple(_is(list, raw)),
    "set": lambda raw: set(_is(list, raw)),
    "frozenset": lambda raw: frozenset(_is(list, raw)),
    "bytes": _bytes,
    "bytearray": lambda raw: bytearray(_bytes(raw)),
    "complex": lambda raw: complex(*_is(list, raw)),
    "range": lambda raw: range(*_is(list, raw)),
    "decimal.Decimal": lambda raw: decimal.Decimal(_is(str, raw)),
    "fractions.Fraction": lambda raw: fractions.Fraction(*(_is(int, part) for part in _is(list, raw))),
    "uuid.UUID": lambda raw: uuid.UUID(_is(str, raw)),
    "datetime.datetime": _made_moment,
    "datetime.date": lambda raw: datetime.date.fromisoformat(_is(str, raw)),
    "datetime.time": _made_hour,
    "datetime.timedelta": lambda raw: datetime.timedelta(*_is(list, raw)),
    "pathlib.Path": lambda raw: pathlib.Path(_is(str, raw)),
    "pathlib.PurePosixPath": lambda raw: pathlib.PurePosixPath(_is(str, raw)),
    "pathlib.PureWindowsPath": lambda raw: pathlib.PureWindowsPath(_is(str, raw)),
}


def _numpy_raw(value: Any) -> Raw | None:
    kind = type(value)
    if not issubclass(kind, vars(sys.modules["numpy"])["generic"]) or value.dtype.kind not in _NUMPY_KINDS:
        return None
    plain = value.item()
    if type(plain).__module__ == "numpy":
        return None  # a number that Python's own cannot hold
    if type(plain) is float and kind(float(str(value))) == value:
        plain = float(str(value))  # 0.1 where a float32's digits run on: a person reads it
    # `numpy.bool` was Python's own before numpy 2.
    return f"{_NUMPY}{'bool_' if kind.__name__ == 'bool' else kind.__name__}", plain


def _numpy_made(name: str, raw: Any) -> Any:
    kind: Any = vars(sys.modules["numpy"]).get(name)
    generic = vars(sys.modules["numpy"])["generic"]
    known = isinstance(kind, type) and issubclass(kind, generic)
    if not known or sys.modules["numpy"].dtype(kind).kind not in _NUMPY_KINDS:
        raise LookupError(f"numpy has no plain number or text {name!r}")
    if not isinstance(raw, (bool, int, float, complex, str, bytes)) or (
        isinstance(raw, str) and not issubclass(kind, str)
    ):
        raise TypeError(f"expected a number or text, found {type(raw).__name__}")
    return kind(raw)
