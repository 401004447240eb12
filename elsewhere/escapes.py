"""Terminal escapes in what tasks say: none may pass that moves or commands the terminal.

In a log colours may; in names, messages and values nothing may.
"""

from __future__ import annotations

import re

LONGEST_ESCAPE = 4096
"""Bytes after which an escape without an end is taken for text."""

_ESCAPE = re.compile(
    rb"(?P<colour>\x1b\[[0-9;:]*m)"
    rb"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, clearing, modes
    rb"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # titles, clipboard, device strings
    rb"|\x1b[ -/]+[0-~]"  # character sets
    rb"|\x1b[0-OQ-WYZ\\`-~]"  # escapes of one letter
    rb"|\x1b"  # what begins none of these
    rb"|\xc2[\x80-\x9f]"  # the same controls as one character, in UTF-8
    rb"|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"  # controls but \b \t \n \r
)
# An escape, or half a character, that the end of a chunk has cut.
_CUT = re.compile(rb"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)|\xc2)\Z")


class EscapeFilter:
    """Takes a log in chunks, cut anywhere, and gives it back without escapes but colours."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        """What may go to the terminal now; an escape that is cut waits for its end."""
        text = self._pending + data
        cut = _CUT.search(text, max(0, len(text) - LONGEST_ESCAPE))
        end = len(text) if cut is None else cut.start()
        self._pending = text[end:]
        return _ESCAPE.sub(_colour_only, text[:end])

    def close(self) -> bytes:
        """What still waited when the log ended."""
        text, self._pending = self._pending, b""
        return _ESCAPE.sub(_colour_only, text)


def printable(text: str) -> str:
    """``text`` without anything that a terminal would follow instead of show; newlines stay."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def _colour_only(found: re.Match[bytes]) -> bytes:
    return found["colour"] or b""
