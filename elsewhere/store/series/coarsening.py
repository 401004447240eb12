"""Over the cap: neighbouring chunks become one, which keeps the lows and highs of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from elsewhere.contract.series import Points
from elsewhere.store.series.chunk import CHUNK_POINTS
from elsewhere.store.series.thinning import thin

PART: Final = 16
"""One chunk in so many is merged before it is looked again at what all stand for."""


def merged(first: Points, second: Points) -> Points:
    """The points of two neighbours that go on in one chunk."""
    return thin(Points.joined([first, second]), CHUNK_POINTS)


def pairs_to_merge(stand_for: Sequence[int]) -> list[int]:
    """Positions of chunks to merge with the next one, none of them twice.

    ``stand_for`` tells how many reported points each chunk stands for. Those that stand for
    the fewest are merged, so that the whole series gets coarser alike; and few at a time, since
    what they become may be what stands for the fewest.
    """
    most = max(1, len(stand_for) // PART)
    order = sorted(
        range(len(stand_for) - 1), key=lambda position: stand_for[position] + stand_for[position + 1]
    )
    taken: set[int] = set()
    chosen: list[int] = []
    for position in order:
        if len(chosen) == most:
            break
        if not taken & {position, position + 1}:
            taken |= {position, position + 1}
            chosen.append(position)
    return chosen
