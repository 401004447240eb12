"""A task's log on stdout for programs; how people see it stands in ``elsewhere.following``."""

from __future__ import annotations

import codecs
import json
import sys

from elsewhere.contract.task import LogChunk


class JsonView:
    """For programs: one JSON object a line, ``kind``, ``attempt``, ``time`` and ``text``.

    A ``live`` one is the newest state of an unfinished line; the next object takes its place.
    The text is UTF-8, with U+FFFD for bytes that are not; a character is never cut in two.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(self, chunk: LogChunk) -> None:
        """Print one chunk and flush."""
        if chunk.kind == "output":
            text = self._decoder.decode(chunk.data)
        else:
            text = chunk.data.decode(errors="replace")
        record = {"kind": chunk.kind, "attempt": chunk.attempt, "time": chunk.time, "text": text}
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing waits: half a character at the end of a log is not text."""
