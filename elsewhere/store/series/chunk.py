"""A chunk: up to 512 points of a series, column by column, in few bytes; and its outline.

Iterations and times are kept as steps from one point to the next, in as many bytes as the
largest step needs: none where all steps are equal. Columns are laid out byte by byte, all
first bytes, then all second bytes, so that zlib finds what neighbours have in common: the
exponents of values, and the empty half of those that were 32 bits wide once.

The outline is what is read of a chunk when a long series is drawn: how many reported points
it stands for, and its lowest, its highest and its first NaN point, in their order.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable
from itertools import accumulate
from operator import sub
from typing import Final

from elsewhere.contract.errors import SchemaError
from elsewhere.contract.series import Points, pack_rows, unpack_rows
from elsewhere.store.series.thinning import extremes

CHUNK_POINTS: Final = 512

_VERSION: Final = 1
# Version, number of points, bytes of a step of iterations and of times (0: all are the same).
_HEADER: Final = struct.Struct("<BHBB")
_FIRST: Final = struct.Struct("<qqqq")
_OUTLINE: Final = struct.Struct("<I")
_WIDTHS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
_SWAPPED: Final = sys.byteorder == "big"


def encode_chunk(points: Points) -> bytes:
    """At least one point, and at most CHUNK_POINTS, in few bytes."""
    iteration_width, iteration_step, iterations = _encode_steps(points.iterations)
    moment_width, moment_step, moments = _encode_steps(points.milliseconds)
    first = _FIRST.pack(points.iterations[0], iteration_step, points.milliseconds[0], moment_step)
    body = first + iterations + moments + _transposed(_little(points.values), 8)
    # Level 1: a higher one saves little of what is mostly noise, and takes several times as long.
    return _HEADER.pack(_VERSION, len(points), iteration_width, moment_width) + zlib.compress(body, 1)


def decode_chunk(data: bytes) -> Points:
    """What ``encode_chunk`` made.

    Raises:
        SchemaError: the bytes are no chunk, or one of a later version.
    """
    try:
        version, count, iteration_width, moment_width = _HEADER.unpack_from(data)
        if version != _VERSION:
            raise SchemaError(f"a chunk of version {version}, this side reads {_VERSION}")
        body = zlib.decompress(data[_HEADER.size :])
        iteration, iteration_step, moment, moment_step = _FIRST.unpack_from(body)
        middle = _FIRST.size + iteration_width * (count - 1)
        end = middle + moment_width * (count - 1)
        values = array("d", _gathered(body[end:], 8))
        if _SWAPPED:
            values.byteswap()
        points = Points(
            _decode_steps(iteration, iteration_step, iteration_width, body[_FIRST.size : middle], count),
            values,
            _decode_steps(moment, moment_step, moment_width, body[middle:end], count),
        )
    except (struct.error, zlib.error, ValueError, KeyError, OverflowError) as error:
        raise SchemaError(f"a chunk of a series cannot be read: {error}") from error
    if not len(points.iterations) == len(points.values) == len(points.milliseconds) == count:
        raise SchemaError(f"a chunk of a series holds fewer than its {count} points")
    return points


def outline_of(points: Points, stands_for: int | None = None) -> bytes:
    """The outline of a chunk with these points, which may stand for more that were reported."""
    count = len(points) if stands_for is None else stands_for
    outstanding = points.at(extremes(points.values, 0, len(points)))
    return _OUTLINE.pack(min(count, 2**32 - 1)) + pack_rows(outstanding)


def stands_for(outline: bytes) -> int:
    """How many reported points a chunk stands for."""
    return int(_OUTLINE.unpack_from(outline)[0])


def sketch(outlines: Iterable[bytes]) -> Points:
    """The outstanding points of many chunks, in order."""
    return unpack_rows(b"".join(outline[_OUTLINE.size :] for outline in outlines))


def _encode_steps(column: array[int]) -> tuple[int, int, bytes]:
    """Bytes of a step, the step where all are the same, and all of them where they differ."""
    # Subtracted as whole numbers of any size: a step may go beyond 64 bits where a column does not.
    steps = list(map(sub, column[1:], column))
    low, high = min(steps, default=0), max(steps, default=0)
    if low == high and -(2**63) <= low < 2**63:
        return 0, low, b""
    for width, code in _WIDTHS.items():
        if -(2 ** (width * 8 - 1)) <= low and high < 2 ** (width * 8 - 1):
            return width, 0, _transposed(_little(array(code, steps)), width)
    # Modulo 2**64 they come back right.
    wrapped = array("q", [(step + 2**63) % 2**64 - 2**63 for step in steps])
    return 8, 0, _transposed(_little(wrapped), 8)


def _decode_steps(first: int, step: int, width: int, data: bytes, count: int) -> array[int]:
    if width == 0:
        return array("q", range(first, first + step * count, step) if step else [first] * count)
    steps = array(_WIDTHS[width], _gathered(data, width))
    if _SWAPPED:
        steps.byteswap()
    column = list(accumulate(steps, initial=first))
    if width == 8:
        column = [(number + 2**63) % 2**64 - 2**63 for number in column]
    return array("q", column)


def _little(column: array[int] | array[float]) -> bytes:
    if _SWAPPED:
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _transposed(data: bytes, width: int) -> bytes:
    return b"".join(data[place::width] for place in range(width))


def _gathered(data: bytes, width: int) -> bytes:
    count = len(data) // width
    gathered = bytearray(count * width)
    for place in range(width):
        gathered[place::width] = data[place * count : (place + 1) * count]
    return bytes(gathered)
