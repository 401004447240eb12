"""Frozen data to JSON and back: one envelope, one schema version, nothing guessed.

Decoding is strict. A schema version that this code does not know, an unknown or
missing field, or a value of the wrong type is a ``SchemaError`` that names the
field by its path, such as ``spec.entry.arguments[2]``.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from elsewhere.contract.errors import SchemaError
from elsewhere.contract.task import JSONValue, Parameters

SCHEMA = 1
"""Version of everything that this module writes. Raised when a reader of the old one would err."""

T = TypeVar("T")


def encode(value: object) -> str:
    """Encode a frozen dataclass of the contract as one JSON text.

    Raises:
        SchemaError: where a field holds a value that JSON cannot hold exactly.
    """
    name = type(value).__name__
    return _dump({"schema": SCHEMA, name: _plain(value, name)}, name)


def decode(kind: type[T], text: str | bytes) -> T:
    """Decode what ``encode`` made of a ``kind``.

    Raises:
        SchemaError: for anything that is not exactly a ``kind`` of this schema version.
    """
    name = kind.__name__
    envelope = _load(text, name)
    if not isinstance(envelope, dict) or "schema" not in envelope:
        raise SchemaError(f"{name}: no schema version in the stored data")
    if envelope["schema"] != SCHEMA:
        raise SchemaError(
            f"{name}: stored with schema version {envelope['schema']!r}, this side reads {SCHEMA}"
        )
    if set(envelope) != {"schema", name}:
        raise SchemaError(f"{name}: expected the fields 'schema' and {name!r}, found {sorted(envelope)}")
    return typing.cast(T, _build(kind, envelope[name], name))


def encode_parameters(parameters: Parameters) -> str:
    """Encode parameters as one JSON object; NaN and infinities are kept as such."""
    for key, value in parameters.items():
        _require_json(value, f"parameters[{key!r}]")
    return json.dumps(dict(parameters), ensure_ascii=False, separators=(",", ":"))


def decode_parameters(text: str | bytes) -> dict[str, JSONValue]:
    """Decode what ``encode_parameters`` made.

    Raises:
        SchemaError: when the text is not a JSON object.
    """
    value = _load(text, "parameters")
    if not isinstance(value, dict):
        raise SchemaError(f"parameters: expected an object, found {type(value).__name__}")
    return value


def _dump(value: object, path: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{path}: cannot be stored as JSON: {error}") from error


def _load(text: str | bytes, path: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{path}: not JSON: {error}") from error


def _require_json(value: object, path: str) -> None:
    if value is None or isinstance(value, (bool, int, float, str)):
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            _require_json(item, f"{path}[{index}]")
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise SchemaError(f"{path}: the key {key!r} is no text")
            _require_json(item, f"{path}.{key}")
        return
    raise SchemaError(f"{path}: a {type(value).__name__} cannot be stored as JSON")


def _plain(value: object, path: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name), f"{path}.{field.name}")
            for field in dataclasses.fields(value)
        }
    if isinstance(value, (tuple, list)):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_name(key, path): _plain(item, f"{path}.{key}") for key, item in value.items()}
    raise SchemaError(f"{path}: a {type(value).__name__} cannot be stored")


def _name(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise SchemaError(f"{path}: the key {key!r} is no text")
    return key


@functools.cache
def _field_types(kind: type[object]) -> dict[str, Any]:
    # A JSON value is made of JSON values, whichever module's class holds one.
    return typing.get_type_hints(kind, localns={"JSONValue": JSONValue})


def _build(kind: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _build_optional(kind, value, path)
    if origin is tuple:
        item_kind = typing.get_args(kind)[0]
        items = _expect(list, value, path)
        return tuple(_build(item_kind, item, f"{path}[{index}]") for index, item in enumerate(items))
    if origin is Mapping:
        item_kind = typing.get_args(kind)[1]
        items = _expect(dict, value, path)
        return {key: _build(item_kind, item, f"{path}.{key}") for key, item in items.items()}
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise SchemaError(f"{path}: expected one of {typing.get_args(kind)}, found {value!r}")
        return value
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise SchemaError(f"{path}: {value!r} is no {kind.__name__}") from None
    return _expect(kind, value, path)


def _build_optional(kind: Any, value: Any, path: str) -> Any:
    members = [member for member in typing.get_args(kind) if member is not type(None)]
    if {bool, int, float, str} <= set(members):
        return value  # a JSON value, which it is: it was read from JSON
    if value is None and len(members) < len(typing.get_args(kind)):
        return None
    if len(members) != 1:
        raise SchemaError(f"{path}: a union of several types cannot be stored")
    return _build(members[0], value, path)


def _build_dataclass(kind: Any, value: Any, path: str) -> Any:
    stored = _expect(dict, value, path)
    types_by_name = _field_types(kind)
    unknown = sorted(set(stored) - set(types_by_name))
    if unknown:
        raise SchemaError(f"{path}.{unknown[0]}: a field that this version does not know")
    built = {}
    for field in dataclasses.fields(kind):
        if field.name in stored:
            built[field.name] = _build(types_by_name[field.name], stored[field.name], f"{path}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SchemaError(f"{path}.{field.name}: missing")
    return kind(**built)


def _expect(kind: type[Any], value: Any, path: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
    if not fits or (kind is float and not math.isfinite(value)):
        raise SchemaError(f"{path}: expected {kind.__name__}, found {type(value).__name__} {value!r:.80}")
    return value
