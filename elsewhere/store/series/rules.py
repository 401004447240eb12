"""What every store holds of series: what may be added, how much is kept, how it is accounted for."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from elsewhere.contract.series import Point, Points, Scalars
from elsewhere.store.series.thinning import FEWEST

CAP_BYTES: Final = 128 * 1024 * 1024
"""How much of a task's series is held. Over it the largest one gets coarser."""
MOST_SERIES: Final = 4096
"""Series that a task may have. Points of further ones are dropped, and its log says so."""
SERIES_COST: Final = 512
"""Bytes that a series counts beyond its points, so that many tiny ones are bounded as well."""
CHUNK_COST: Final = 128
"""Bytes that a chunk counts beyond its own."""
ROOM: Final = 16
"""Where the cap is exceeded, a part of it becomes free: one in so many."""
LONGEST_NAME: Final = 256
"""Characters of a title, and of a name."""
USUAL_POINTS: Final = 2000
"""From how many points a series is drawn, unless another number is asked for."""


@dataclass(frozen=True)
class Addition:
    """What some points add to the account of their series."""

    count: int
    finite: int
    total: float
    """Sum of the finite values."""
    lowest: float | None
    highest: float | None
    last: Point


def addition(points: Points) -> Addition:
    """The account of at least one point."""
    values: Sequence[float] = points.values
    total = sum(values)
    numbers, finite = values, values
    if not math.isfinite(total):  # the rare case: something in it is no finite number
        numbers = [value for value in values if value == value]
        finite = [value for value in numbers if math.isfinite(value)]
        total = sum(finite)
    last = Point(points.iterations[-1], values[-1], points.milliseconds[-1] / 1000)
    return Addition(
        len(values), len(finite), total, min(numbers, default=None), max(numbers, default=None), last
    )


def check_batch(batch: Sequence[Scalars]) -> None:
    """Refuse what no store can hold.

    Raises:
        ValueError: columns of several lengths or kinds, or a title or name that is empty or too long.
    """
    for one in batch:
        for name in (one.title, one.series):
            if not 0 < len(name) <= LONGEST_NAME:
                raise ValueError(f"a series needs a title and a name of 1 to {LONGEST_NAME} characters")
        columns = one.points.iterations, one.points.values, one.points.milliseconds
        if [column.typecode for column in columns] != ["q", "d", "q"]:
            raise ValueError(f"the columns of {one.title}/{one.series} are not of the kinds q, d and q")
        if len({len(column) for column in columns}) != 1:
            raise ValueError(f"the columns of {one.title}/{one.series} have several lengths")


def check_most(max_points: int | None) -> None:
    """Refuse to draw a series from almost nothing.

    Raises:
        ValueError: fewer than three points are asked for.
    """
    if max_points is not None and max_points < FEWEST:
        raise ValueError(f"a series cannot be drawn from {max_points} points: ask for {FEWEST} at least")


def outlines_suffice(chunks: int, most: int | None) -> bool:
    """Whether a series of so many chunks is drawn from their outlines, without their points.

    Then at least half of the points that were asked for come of it. Otherwise there are few
    chunks, so that reading them all is quick.
    """
    return most is not None and chunks >= most / 4


def encode_name(title: str, series: str) -> str:
    """Title and name as one text."""
    return json.dumps([title, series], separators=(",", ":"))


def decode_name(text: str | bytes) -> tuple[str, str]:
    """What ``encode_name`` made."""
    title, series = json.loads(text)
    return title, series


def too_many(most: int) -> str:
    """The line of the log that stands for points of series that are too many."""
    return f"[this task reports more than {most} series: points of further ones are dropped]\n"
