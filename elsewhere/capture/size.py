"""A size in bytes, in words for people."""

from __future__ import annotations


def in_words(size: int) -> str:
    """``size`` bytes as text, such as ``12.3 MiB``."""
    if size < 1024:
        return f"{size} bytes"
    number = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} TiB"
