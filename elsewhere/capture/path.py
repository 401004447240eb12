"""Names of files, which may be any bytes, as text for people."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with every byte that is no UTF-8 spelled out in hexadecimal: safe to print and to send."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
