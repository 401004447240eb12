"""Chunks hold any points exactly, in few bytes."""

from __future__ import annotations

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.errors import SchemaError
from elsewhere.contract.series import ROW_BYTES, Points, Scalars, decode_scalars, encode_scalars, pack_rows
from elsewhere.store.series.chunk import CHUNK_POINTS, decode_chunk, encode_chunk, outline_of, sketch
from elsewhere.store.series.thinning import thin

WHOLE = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@st.composite
def points(draw: st.DrawFn, most: int = 40) -> Points:
    rows = draw(st.lists(st.tuples(WHOLE, NUMBERS, st.integers(0, 2**41)), min_size=1, max_size=most))
    return Points.of((iteration, value, moment / 1000) for iteration, value, moment in rows)


def rows_of(held: Points) -> list[bytes]:
    packed = pack_rows(held)
    return [packed[at : at + ROW_BYTES] for at in range(0, len(packed), ROW_BYTES)]


@given(points())
def test_any_points_come_back_bit_by_bit(whole: Points) -> None:
    assert pack_rows(decode_chunk(encode_chunk(whole))) == pack_rows(whole)
    again = decode_scalars(encode_scalars([Scalars("t", "\ud800s", whole), Scalars("t", "u", Points.of(()))]))
    assert [(one.title, one.series) for one in again] == [("t", "\ud800s"), ("t", "u")]
    assert pack_rows(again[0].points) == pack_rows(whole)


@given(points(), st.integers(3, 20))
def test_fewer_points_are_some_of_them_with_the_lowest_and_the_highest(whole: Points, most: int) -> None:
    fewer = thin(whole, most)
    assert len(fewer) <= max(most, 0)
    rows, place = rows_of(whole), 0
    for row in rows_of(fewer):
        place = rows.index(row, place) + 1
    numbers = [value for value in whole.values if not math.isnan(value)]
    if numbers:
        assert {min(numbers), max(numbers)} <= set(fewer.values)
    assert any(map(math.isnan, fewer.values)) == (len(numbers) < len(whole))


def test_a_point_takes_at_most_twelve_bytes() -> None:
    chance = random.Random(7)
    noise = Points.of(
        (n, chance.random(), 1.7e9 + n * 0.02 + chance.random() / 100) for n in range(CHUNK_POINTS)
    )
    assert (len(encode_chunk(noise)) + len(outline_of(noise))) / CHUNK_POINTS < 10
    narrow = Points.of(
        (n, struct.unpack("f", struct.pack("f", chance.random()))[0], 1.7e9 + n) for n in range(CHUNK_POINTS)
    )
    assert len(encode_chunk(narrow)) / CHUNK_POINTS < 6


def test_an_outline_shows_the_outstanding_points_in_their_order() -> None:
    shown = sketch(outline_of(Points.of([(n, value, 0.0) for n, value in enumerate(values)])) for values in (
        [3.0, 9.0, 1.0, 5.0], [7.0], [math.nan, 2.0, math.nan], [],
    ))  # fmt: skip
    assert list(shown.iterations) == [1, 2, 0, 0, 1]


def test_bytes_that_are_no_chunk_are_told_as_such() -> None:
    chunk = encode_chunk(Points.of([(n, 1.0, n * n) for n in range(100)]))
    for wrong in (b"", chunk[:20], b"\x02" + chunk[1:], chunk[:1] + b"\xff" + chunk[2:]):
        with pytest.raises(SchemaError):
            decode_chunk(wrong)
    whole = encode_scalars([Scalars("t", "s", Points.of([(1, 2.0, 3.0)]))])
    for wrong in (b"", whole[:6], whole[:-1], whole + b"x", b"\xff" * 30):
        with pytest.raises(SchemaError):
            decode_scalars(wrong)
