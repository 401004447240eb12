"""Durations as the scripts take them."""

from __future__ import annotations


def milliseconds(seconds: float) -> int:
    """Whole milliseconds; at least one."""
    return max(1, round(seconds * 1000))
