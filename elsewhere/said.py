"""The end of a task's log as lines of text."""

from __future__ import annotations

import codecs
from collections import deque
from typing import TYPE_CHECKING

from elsewhere.contract.errors import UsageError

if TYPE_CHECKING:
    from elsewhere.store.protocol import Store

BITE = 1000
"""Chunks that are read at once."""


def last_lines(store: Store, task_id: str, count: int) -> list[str]:
    """The last ``count`` lines, the newest last; of one that overwrites itself its last state.

    A line that is not finished counts, and so does what an agent says. What is no UTF-8 is replaced.

    Raises:
        UsageError: ``count`` is below 1.
    """
    if count < 1:
        raise UsageError(f"{count} lines of a log cannot be read", "Ask for one at least.")
    lines: deque[str] = deque(maxlen=count)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begun = live = position = ""
    while chunks := store.read_log(task_id, position, BITE):
        for chunk in chunks:
            position, live = chunk.position, ""
            if chunk.kind == "live":
                live = chunk.data.decode("utf-8", "replace")
            elif chunk.kind == "note":
                if begun:  # a note is a line of its own, wherever it comes
                    lines.append(_shown(begun))
                    begun = ""
                lines.append(" ".join(chunk.data.decode("utf-8", "replace").split()))
            elif chunk.kind == "output":
                *whole, begun = (begun + decoder.decode(chunk.data)).split("\n")
                lines.extend(_shown(line) for line in whole)
    # As a terminal shows it: over what the line began with.
    begun += f"\r{live}" if live else decoder.decode(b"", final=True)
    if begun:
        lines.append(_shown(begun))
    return list(lines)


def _shown(line: str) -> str:
    """What a terminal shows of a line in the end: all after the last carriage return in it."""
    return line.rstrip("\r").rpartition("\r")[2]
