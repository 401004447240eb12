"""The next step after a word that nobody knows: the nearest of those that are known."""

from __future__ import annotations

from collections.abc import Iterable


def similar(word: str, known: Iterable[str], otherwise: str) -> str:
    """Which known words ``word`` may have meant; where none is near, ``otherwise`` and all of them."""
    from difflib import get_close_matches

    words = sorted(known)
    near = get_close_matches(word, words)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"{otherwise} {', '.join(map(repr, words))}."
