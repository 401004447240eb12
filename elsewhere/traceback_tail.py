"""The last lines of what a script printed about its failure."""

from __future__ import annotations

from typing import Final

_BEGIN: Final = "Traceback (most recent call last):"
_LINES_OF_TRACEBACK: Final = 12
_LINES_OF_OUTPUT: Final = 5


def last_lines(tail: bytes) -> str:
    """The end of the newest traceback in ``tail``, or the last lines where there is none.

    ``tail`` is the end of the script's output; bytes that are no UTF-8 are shown escaped.
    """
    lines = tail.decode("utf-8", "backslashreplace").replace("\r\n", "\n").rstrip().splitlines()
    begins = [number for number, line in enumerate(lines) if line.strip() == _BEGIN]
    if not begins:
        return "\n".join(lines[-_LINES_OF_OUTPUT:])
    body = lines[begins[-1] :]
    if len(body) > _LINES_OF_TRACEBACK:
        body = [body[0], "  ...", *body[-(_LINES_OF_TRACEBACK - 2) :]]
    return "\n".join(body)
