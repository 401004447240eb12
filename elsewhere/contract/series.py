"""Scalars: numbers that a task reports again and again, as series of points, column by column.

A series has a title and a name of its own under it. Titles that begin with ``:monitor:`` are the
agent's: what its resource monitor saw of the attempt.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from elsewhere.contract.errors import SchemaError

ROW_BYTES: Final = 24
"""Bytes of one point among :func:`pack_rows`."""

_HEADER: Final = struct.Struct("<I")
_SWAPPED: Final = sys.byteorder == "big"


class Point(NamedTuple):
    """One point of a series."""

    iteration: int
    value: float
    """NaN and the infinities are kept as such."""
    time: float
    """When it was reported, in seconds since the epoch, to the millisecond."""


@dataclass(frozen=True)
class Points:
    """Points of one series in the order in which they were reported, as columns of one length."""

    iterations: array[int]
    """``array("q")``: 64 bits with a sign."""
    values: array[float]
    """``array("d")``."""
    milliseconds: array[int]
    """``array("q")``: when each was reported, since the epoch, by the reporting machine's clock."""

    @classmethod
    def of(cls, points: Iterable[tuple[int, float, float]]) -> Points:
        """Columns of points given as iteration, value and seconds since the epoch."""
        rows = list(points)
        return cls(
            array("q", [row[0] for row in rows]),
            array("d", [row[1] for row in rows]),
            array("q", [round(row[2] * 1000) for row in rows]),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Point]:
        for iteration, value, moment in zip(self.iterations, self.values, self.milliseconds, strict=True):
            yield Point(iteration, value, moment / 1000)

    def part(self, start: int, end: int | None = None) -> Points:
        """The points from one position up to another."""
        return Points(self.iterations[start:end], self.values[start:end], self.milliseconds[start:end])

    def at(self, positions: Sequence[int]) -> Points:
        """The points at these positions."""
        return Points(
            array("q", [self.iterations[position] for position in positions]),
            array("d", [self.values[position] for position in positions]),
            array("q", [self.milliseconds[position] for position in positions]),
        )

    @classmethod
    def joined(cls, parts: Iterable[Points]) -> Points:
        """The points of several, one after the other."""
        whole = cls.of(())
        for part in parts:
            whole.iterations.extend(part.iterations)
            whole.values.extend(part.values)
            whole.milliseconds.extend(part.milliseconds)
        return whole


@dataclass(frozen=True)
class Scalars:
    """Points of one series, by its title and its name under it. Several of them are a batch."""

    title: str
    series: str
    points: Points


@dataclass(frozen=True)
class SeriesSummary:
    """A series without its points."""

    title: str
    series: str
    count: int
    """How many points were reported."""
    last: Point
    lowest: float | None
    """Of all values that are numbers, the infinities too; None where all were NaN."""
    highest: float | None
    mean: float | None
    """Of all finite values; None where there is none."""
    coarsened: int = 0
    """How many of the points the store's cap has removed. They were neither low nor high around them."""


def pack_rows(points: Points) -> bytes:
    """Points one after the other, ROW_BYTES each: as they can be cut and joined anywhere between."""
    rows = array("q", bytes(ROW_BYTES * len(points)))
    rows[0::3] = points.iterations
    rows[1::3] = array("q", points.values.tobytes())
    rows[2::3] = points.milliseconds
    if _SWAPPED:
        rows.byteswap()
    return rows.tobytes()


def unpack_rows(data: bytes) -> Points:
    """What ``pack_rows`` made.

    Raises:
        SchemaError: the data ends within a point.
    """
    if len(data) % ROW_BYTES:
        raise SchemaError(f"scalars: {len(data)} bytes are no whole number of points")
    rows = array("q", data)
    if _SWAPPED:
        rows.byteswap()
    return Points(rows[0::3], array("d", rows[1::3].tobytes()), rows[2::3])


def encode_scalars(batch: Sequence[Scalars]) -> bytes:
    """A batch as bytes: a table of names and lengths, then all points."""
    table = [[one.title, one.series, len(one.points)] for one in batch]
    header = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"".join([_HEADER.pack(len(header)), header, *(pack_rows(one.points) for one in batch)])


def decode_scalars(data: bytes) -> tuple[Scalars, ...]:
    """What ``encode_scalars`` made.

    Raises:
        SchemaError: the data is something else.
    """
    batch = []
    try:
        (size,) = _HEADER.unpack_from(data)
        start = _HEADER.size + size
        for title, series, count in json.loads(data[_HEADER.size : start].decode("utf-8", "surrogatepass")):
            end = start + count * ROW_BYTES
            batch.append(Scalars(str(title), str(series), unpack_rows(data[start:end])))
            start = end
    except (ValueError, TypeError, struct.error) as error:
        raise SchemaError(f"scalars: cannot be read: {error}") from error
    if start != len(data):
        raise SchemaError(f"scalars: {len(data)} bytes where the table says {start}")
    return tuple(batch)
