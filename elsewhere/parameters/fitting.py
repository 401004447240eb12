"""A value that somebody set by hand, fitted to the type that the script's own value has.

People write what a command line takes: ``0.1``, ``True``, ``[1, 2]``, ``adam``. Nothing is evaluated,
and nothing is lost in silence: 0.5 is no int.
"""

from __future__ import annotations

import contextlib
import enum
import json
import sys
import typing
from typing import TYPE_CHECKING, Any, Final

from elsewhere.parameters import classes, kinds
from elsewhere.parameters.typed import Mismatch, Packed, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_LOOSE: Final[dict[type[Any], Callable[[Any], Any]]] = {tuple: tuple, set: set, frozenset: frozenset}
"""What a list may stand for, where the script only declares a sequence or the like."""
_NONE_WORDS: Final = frozenset({"none", "null"})


class Unfit(Exception):
    """A value that is none of the type asked for; the text says so."""


def fit(packed: Packed, local: object, hint: object = None) -> Any:
    """What is stored as a value of the type that the script declares or has.

    Args:
        packed: What is stored.
        local: The script's own value.
        hint: The type that the script declares, where it does; a text or None says nothing.

    Raises:
        Unfit: it is none of that type.
    """
    try:
        value = unpack(packed, classes.classes_in(local))
    except Mismatch:
        value = packed.value
    if value is None:
        return None
    if hint not in (None, Any, object) and not isinstance(hint, str):
        try:
            made = fit_to(value, hint)
            loose = type(made) is list and typing.get_origin(hint) not in (None, list)
            return _LOOSE.get(type(local), list)(made) if loose else made
        except Unfit:
            if local is None or _fits(local, hint):
                raise
    if local is None or (type(value) is type(local) and not isinstance(value, (list, tuple))):
        return value
    if isinstance(local, (list, tuple, set, frozenset)) and not hasattr(local, "_fields"):
        return type(local)(_items_like(_listed(value, type(local)), local))
    return fit_to(value, type(local))


def _fits(value: Any, wanted: Any) -> bool:
    """Whether the script's own value is of the type that it declares: not all are."""
    try:
        fit_to(value, wanted)
    except Unfit:
        return False
    return True


def fit_to(value: Any, wanted: Any) -> Any:
    """``value`` as one of the type ``wanted``, which is a class or what `typing` makes of some.

    Raises:
        Unfit: it is none of that type.
    """
    origin, members = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted in (Any, object, None) or isinstance(wanted, (str, typing.TypeVar)):
        return value
    if origin is not None:
        return _fit_generic(value, wanted, origin, members)
    supertype = getattr(wanted, "__supertype__", None)
    if supertype is not None:
        return fit_to(value, supertype)
    if not isinstance(wanted, type):
        return value  # of a declaration that says nothing to us, the script makes what it likes
    if type(value) is wanted:
        return value
    return _fit_class(value, wanted)


def _fit_generic(value: Any, wanted: Any, origin: Any, members: tuple[Any, ...]) -> Any:
    if origin is typing.Literal:
        return _choose(value, members, wanted)
    if hasattr(wanted, "__metadata__"):
        return fit_to(value, members[0])
    if origin is typing.Union or type(wanted).__name__ == "UnionType":
        return _fit_one_of(value, members, wanted)
    if origin is tuple and members and members[-1] is not ...:
        items = _listed(value, tuple)
        if len(items) != len(members):
            raise Unfit(f"{_say(value)} has not the {len(members)} items of {_name(wanted)}")
        return tuple(fit_to(item, member) for item, member in zip(items, members, strict=True))
    if origin is dict and len(members) == 2:
        held = _fit_class(value, dict)
        return {fit_to(key, members[0]): fit_to(item, members[1]) for key, item in held.items()}
    if isinstance(origin, type) and members and issubclass(origin, (list, tuple, set, frozenset)):
        return origin(fit_to(item, members[0]) for item in _listed(value, origin))
    plain: dict[str, Any] = {"Sequence": list, "MutableSequence": list, "Iterable": list, "Mapping": dict}
    made = plain.get(getattr(origin, "__name__", ""))
    if made is not None and getattr(origin, "__module__", "") == "collections.abc":
        return _fit_generic(value, wanted, made, members)
    return _fit_class(value, origin) if isinstance(origin, type) else value


def _fit_one_of(value: Any, members: tuple[Any, ...], wanted: Any) -> Any:
    if value is None and type(None) in members:
        return None
    for member in members:
        if isinstance(member, type) and type(value) is member and not isinstance(value, str):
            return value
    if isinstance(value, str) and value.strip().lower() in _NONE_WORDS and type(None) in members:
        return None
    # Text fits text always: what it may be besides comes first.
    for member in sorted(members, key=lambda each: each is str):
        try:
            if member is not type(None):
                return fit_to(value, member)
        except Unfit:
            continue
    raise Unfit(f"{_say(value)} is no {_name(wanted)}")


def _fit_class(value: Any, wanted: type[Any]) -> Any:
    if issubclass(wanted, enum.Enum):
        return _member(value, wanted)
    if value is None:
        if wanted is type(None):
            return None
        raise Unfit(f"null is no {wanted.__name__}")
    if classes.field_names(wanted) is not None:
        return _fields(value, wanted)
    if issubclass(wanted, tuple) and hasattr(wanted, "_fields"):
        items, names = _listed(value, tuple), getattr(wanted, "_fields", ())
        if len(items) != len(names):
            raise Unfit(f"{_say(value)} has not the {len(names)} items of {wanted.__name__}")
        return tuple.__new__(wanted, items)
    make = _MAKERS.get(wanted)
    if make is None and wanted.__module__ == "numpy":
        make = _numpy_maker(wanted)
    if make is None:
        make = next((_MAKERS[kind] for kind in wanted.__mro__[1:-1] if kind in _MAKERS), None)
        if make is None or isinstance(value, wanted):
            if isinstance(value, wanted):
                return value
            raise Unfit(f"{_say(value)} cannot be made a {_name(wanted)}")
    try:
        made = make(value)
        return made if isinstance(made, wanted) else wanted(made)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise Unfit(f"{_say(value)} is no {_name(wanted)}") from None


def _member(value: Any, wanted: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, wanted):
        return value
    if isinstance(value, str):
        short = value.removeprefix(f"{wanted.__name__}.")
        if short in wanted.__members__:
            return wanted.__members__[short]
    for member in wanted:
        if type(member.value) is type(value) and member.value == value:
            return member
    for member in wanted:
        if isinstance(value, (str, int, float)) and str(member.value) == str(value):
            return member
    raise Unfit(f"{_say(value)} is none of {', '.join(wanted.__members__)}")


def _choose(value: Any, choices: tuple[Any, ...], wanted: Any) -> Any:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    for choice in choices:
        if not isinstance(choice, enum.Enum) and str(choice) == str(value):
            return choice
    raise Unfit(f"{_say(value)} is none of {', '.join(map(repr, typing.get_args(wanted)))}")


def _fields(value: Any, wanted: type[Any]) -> Any:
    held = _object(value)
    names = classes.field_names(wanted) or []
    strangers = sorted(held.keys() - set(names))
    if strangers:
        raise Unfit(f"a {wanted.__name__} has no field {strangers[0]!r}")
    hints = hints_of(wanted)
    try:
        return wanted(**{name: fit_to(item, hints.get(name, Any)) for name, item in held.items()})
    except Unfit as error:
        raise Unfit(f"{_say(value)} is no {wanted.__name__}: {error}") from None
    except (TypeError, ValueError) as error:
        raise Unfit(f"{_say(value)} is no {wanted.__name__}: {error}") from error


def hints_of(kind: type[Any]) -> dict[str, Any]:
    """The types that a class declares for its attributes, as far as they can be known here."""
    try:
        return typing.get_type_hints(kind)
    except Exception:  # noqa: BLE001 - what an annotation says is the user's code
        found: dict[str, Any] = {}
        for each in reversed(kind.__mro__):
            found.update(vars(each).get("__annotations__", {}))
        return {name: hint for name, hint in found.items() if not isinstance(hint, str)}


def _items_like(items: list[Any], local: Any) -> list[Any]:
    types = {type(item) for item in local}
    if len(types) != 1:
        return items
    (wanted,) = types
    try:
        return [fit_to(item, wanted) for item in items]
    except Unfit:
        return items  # the items that were there by chance are no declaration


def _listed(value: Any, wanted: Any) -> list[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, str):
        text = value.strip()
        if text[:1] == "(" and text[-1:] == ")":
            text = f"[{text[1:-1].rstrip().removesuffix(',')}]"
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            items = None
        if isinstance(items, list):
            return items
    raise Unfit(f"{_say(value)} is no {_name(wanted)}: write it as JSON, such as [1, 2]")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, dict):
        raise Unfit(f'{_say(value)} is no dict: write it as JSON, such as {{"lr": 0.1}}')
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, str):
        return {0: False, 1: True}[value]
    return _WORDS[value.strip().lower()]


def _integer(value: Any) -> int:
    if isinstance(value, str):
        try:
            return int(value, 0 if value.strip().lower()[:2] in ("0x", "0o", "0b") else 10)
        except ValueError:
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError("no whole number")
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError("a bool")
    return float(value)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_by(name: str) -> Callable[[Any], Any]:
    """What takes text as it is stored, and numbers as text."""

    def make(value: Any) -> Any:
        return kinds.made_of(name, value if isinstance(value, str) else _string(value))

    return make


def _makers() -> dict[type[Any], Callable[[Any], Any]]:
    import datetime
    import decimal
    import fractions
    import pathlib
    import uuid

    return {
        bool: _boolean,
        int: _integer,
        float: _float,
        str: _string,
        complex: lambda value: complex(value.replace(" ", "") if isinstance(value, str) else value),
        bytes: lambda value: value.encode() if isinstance(value, str) else bytes(value),
        bytearray: lambda value: bytearray(value.encode() if isinstance(value, str) else value),
        list: lambda value: _listed(value, list),
        tuple: lambda value: tuple(_listed(value, tuple)),
        set: lambda value: set(_listed(value, set)),
        frozenset: lambda value: frozenset(_listed(value, frozenset)),
        dict: _object,
        range: lambda value: range(*_listed(value, range)),
        decimal.Decimal: _read_by("decimal.Decimal"),
        fractions.Fraction: lambda value: fractions.Fraction(*_fraction(value)),
        uuid.UUID: _read_by("uuid.UUID"),
        datetime.datetime: _read_by("datetime.datetime"),
        datetime.date: _read_by("datetime.date"),
        datetime.time: _read_by("datetime.time"),
        datetime.timedelta: lambda value: datetime.timedelta(seconds=_float(value)),
        pathlib.PurePath: pathlib.PurePath,
        pathlib.Path: pathlib.Path,
        pathlib.PurePosixPath: pathlib.PurePosixPath,
        pathlib.PureWindowsPath: pathlib.PureWindowsPath,
    }


def _fraction(value: Any) -> tuple[int, int]:
    numerator, _, denominator = str(value).partition("/")
    return int(numerator), int(denominator or 1)


def _numpy_maker(wanted: type[Any]) -> Callable[[Any], Any] | None:
    numpy = vars(sys.modules["numpy"])
    makers: dict[str, Callable[[Any], Any]] = {
        "bool_": _boolean,
        "integer": _integer,
        "floating": _float,
        "complexfloating": complex,
        "str_": _string,
    }
    return next((make for kind, make in makers.items() if issubclass(wanted, numpy[kind])), None)


def _say(value: object) -> str:
    return f"{value!r:.80}"


def _name(wanted: Any) -> str:
    return wanted.__name__ if isinstance(wanted, type) else str(wanted).replace("typing.", "")


_MAKERS: Final = _makers()
