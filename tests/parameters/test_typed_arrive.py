"""Whatever value is set at a desk arrives equal, and of equal type, in the attempt."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elsewhere.contract.edit import ParameterInfo
from elsewhere.parameters.names import leaves, nest, read, written
from elsewhere.parameters.typed import pack, unpack
from tests.parameters.ends import Relayed, at_desk, relayed, same


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"
    BOTH = (1, "blue")


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Optimizer:
    name: str
    betas: Any = (0.9, 0.999)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
surrogates = st.text(st.characters(), max_size=5)  # halves of pairs among them
zones = st.none() | st.just(datetime.timezone.utc) | st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)  # fmt: skip
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | surrogates | st.binary(max_size=5) | st.sampled_from(Colour),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
special = (
    hashable
    | st.floats()
    | st.complex_numbers()
    | st.integers(2**13_990, 2**14_100)
    | st.sampled_from([*Colour, *Level, Rights.READ, Rights.READ | Rights.WRITE, Rights(0)])
    | st.builds(pathlib.Path, st.text(st.characters(exclude_characters="\0"), max_size=5))
    | st.builds(pathlib.PureWindowsPath, st.text(max_size=5))
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
    | st.builds(bytearray, st.binary(max_size=5))
    | st.floats(width=32, allow_nan=False).map(numpy.float32)
    | st.floats(allow_nan=False).map(numpy.float64)
    | st.integers(-(2**63), 2**63 - 1).map(numpy.int64)
    | st.integers(0, 255).map(numpy.uint8)
    | st.booleans().map(numpy.bool_)
    | st.builds(numpy.str_, st.text(max_size=5))
    | st.builds(numpy.complex64, st.integers(-9, 9))
)
anything = st.recursive(
    special,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.sets(hashable, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Optimizer, st.text(max_size=5), inner)
    ),
    max_leaves=8,
)
some = settings(
    max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def relay() -> Iterator[Relayed]:
    import os

    with relayed() as end:
        os.environ["ELSEWHERE_RELAY"] = str(end.socket)
        yield end


@some
@given(value=json_like | anything)
def test_what_is_set_arrives(relay: Relayed, value: Any) -> None:
    desk = at_desk()
    desk.set_parameter("General/value", value)
    assert same(desk.get_parameter("value", cast=True), value)
    attempt = relay.attempt(desk)
    assert same(attempt.get_parameters(cast=True)["General/value"], value)


@some
@given(values=st.dictionaries(st.text() | st.integers(), json_like | anything, max_size=4))
def test_what_is_connected_arrives_though_the_script_says_something_else_there(
    relay: Relayed, values: dict[str, Any]
) -> None:
    desk = at_desk()
    if len({str(key) for key in values}) < len(values):
        return  # 1 and "1" would have one name
    assert same(desk.connect(dict(values)), values)
    attempt = relay.attempt(desk)
    local: dict[str, Any] = {key: otherwise(item) for key, item in values.items()}
    connected = attempt.connect(local)
    assert same(connected, values)
    assert same(local, values)
    # And what runs is what is recorded: nothing was reported anew.
    assert same(relay.record.parameters, desk._record().parameters)
    again = relay.again(relay.record)
    assert same(again.connect({key: otherwise(item) for key, item in values.items()}), values)


def otherwise(value: Any) -> Any:
    """What the script says in an attempt, where it is built alike, and all its values are others."""
    if isinstance(value, Optimizer):
        return Optimizer("another", otherwise(value.betas))
    if type(value) is dict and value and all(type(key) is str for key in value):
        return {key: otherwise(item) for key, item in value.items()}
    return None


@some
@given(nested=st.dictionaries(st.text(), st.dictionaries(st.text(), json_like, min_size=1), max_size=3))
def test_nested_dicts_arrive_by_their_sections(relay: Relayed, nested: dict[str, Any]) -> None:
    desk = at_desk()
    if "" in nested:
        return
    desk.set_parameters_as_dict(nested)
    assert same_in_any_order(relay.attempt(desk).get_parameters_as_dict(cast=True), nested)


@some
@given(value=anything)
def test_types_are_kept_by_every_store_alike(value: Any) -> None:
    packed = pack(value)
    info = ParameterInfo(packed.type)
    assert same(unpack(packed._replace(type=info.type)), value)


@given(st.dictionaries(surrogates, json_like, max_size=4))
def test_names_and_nested_keys_determine_each_other(nested: dict[str, Any]) -> None:
    flat = dict(leaves(nested, ""))
    assert same_in_any_order(nest(flat), nested)
    assert all(read(written(key)) == key for key in nested)
    assert all(name.encode() or not name for name in flat)


def same_in_any_order(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_in_any_order(one[key], other[key]) for key in one)
    return same(one, other)


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 11, 1, 1, 30, fold=1),  # noqa: DTZ001
        decimal.Decimal("NaN"),
        fractions.Fraction(-1, 3),
        numpy.float32("nan"),
        {"a/b": 1, "a": {"b": 2}, "%2F": 3},
        {1: "int", "1": "text", (1,): "tuple", None: "none"},
    ],
)
def test_what_chance_seldom_finds_is_kept_as_well(value: Any) -> None:
    kept = unpack(pack(value))
    assert type(kept) is type(value)
    assert kept == value or (kept != kept and value != value)
    assert getattr(kept, "fold", 0) == getattr(value, "fold", 0)
