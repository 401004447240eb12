"""Fewer points that look the same: of each stretch of a series its lowest and its highest point.

A mean would draw a smoother curve and hide the one spike that somebody looks for.
"""

from __future__ import annotations

from array import array

from elsewhere.contract.series import Points

FEWEST = 3
"""Points that a stretch may be asked down to: its low, its high and a NaN."""


def thin(points: Points, most: int) -> Points:
    """At most ``most`` of the points, in their order: the lows, the highs and a NaN of equal stretches.

    Raises:
        ValueError: ``most`` is below FEWEST.
    """
    if most < FEWEST:
        raise ValueError(f"a series cannot be drawn from {most} points: ask for {FEWEST} at least")
    count = len(points)
    if count <= most:
        return points
    stretches = most // (3 if _may_hold_nan(points.values) else 2)
    chosen: list[int] = []
    for stretch in range(stretches):
        chosen += extremes(points.values, stretch * count // stretches, (stretch + 1) * count // stretches)
    return points.at(chosen)


def extremes(values: array[float], start: int, end: int) -> list[int]:
    """Positions of the lowest, the highest and the first NaN value from ``start`` to ``end``, in order."""
    part = values[start:end]
    if not part:
        return []
    found = set()
    if _may_hold_nan(part):
        # A comparison with NaN is false: min and max would depend on where it stands.
        numbers = array("d", [value for value in part if value == value])
        if len(numbers) < len(part):
            found.add(next(position for position, value in enumerate(part) if value != value))
    else:
        numbers = part
    if numbers:
        found |= {part.index(min(numbers)), part.index(max(numbers))}
    return [start + position for position in sorted(found)]


def _may_hold_nan(values: array[float]) -> bool:
    """False is certain. One pass in C, where asking each value would take many times as long."""
    total = sum(values)
    return total != total
