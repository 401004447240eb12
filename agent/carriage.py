"""Carriage returns in a log: what overwrites itself is kept in its last state only.

A progress bar writes the same line a thousand times. What is stored is its last state;
who follows the log sees each.
"""

from __future__ import annotations

from typing import Final

LONGEST_STATE: Final = 64 * 1024
"""Bytes of an overwritten line that are kept; a longer one loses its beginning."""


class Carriage:
    """Splits output into what is final and the newest state of a line that overwrites itself.

    Not thread-safe. Output without carriage returns passes as it is.
    """

    def __init__(self) -> None:
        self._state = b""
        self._line_begun = False

    @property
    def state(self) -> bytes:
        """The unfinished line that overwrites itself, as it looks now; empty where there is none."""
        return _last_state(self._state)

    def feed(self, data: bytes) -> bytes:
        """Take in the next output; what of it, and of what was held back, is final."""
        if not self._state and b"\r" not in data:
            self._line_begun = not data.endswith(b"\n") if data else self._line_begun
            return data
        text = self._state + data
        end = text.rfind(b"\n") + 1
        final, rest = self._collapse(text[:end]), text[end:]
        if end:
            self._line_begun = False
        if b"\r" in rest:
            self._state = rest if len(rest) <= LONGEST_STATE else b"\r" + _last_state(rest)[-LONGEST_STATE:]
            return final
        self._state = b""
        self._line_begun = self._line_begun or bool(rest)
        return final + rest

    def finish(self) -> bytes:
        """What was held back, in its last state: nothing follows."""
        state, self._state = self.state, b""
        return (b"\r" if self._line_begun and state else b"") + state

    def _collapse(self, text: bytes) -> bytes:
        """Whole lines, each in its last state."""
        if b"\r" not in text:
            return text
        lines = []
        for number, line in enumerate(_lines(text)):
            ending = b"\r\n" if line.endswith(b"\r\n") else b"\n"
            body = line[: -len(ending)]
            if b"\r" in body:
                # The beginning of this line is in the log already: say that it is overwritten.
                begun = b"\r" if number == 0 and self._line_begun else b""
                body = begun + _last_state(body)
            lines.append(body + ending)
        return b"".join(lines)


def _lines(text: bytes) -> list[bytes]:
    # Not bytes.splitlines: it would end lines at carriage returns, too.
    return [line + b"\n" for line in text.split(b"\n")[:-1]]


def _last_state(line: bytes) -> bytes:
    """What a terminal shows in the end: the last part that is not blank."""
    for part in reversed(line.split(b"\r")):
        if part.strip():
            return part
    return b""
