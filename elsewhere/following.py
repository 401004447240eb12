"""Following a task's log: the script's bytes as they are, our notes marked as notes."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, Protocol, TextIO, cast

from elsewhere.contract.status import Status
from elsewhere.contract.task import LogChunk, TaskRecord
from elsewhere.escapes import EscapeFilter
from elsewhere.store.protocol import Store

DIM, PLAIN = b"\x1b[2m", b"\x1b[0m"
ERASED = b"\r\x1b[K"
"""To the start of the line, and nothing on it."""
UNWRAPPED, WRAPPED = b"\x1b[?7l", b"\x1b[?7h"
"""What is between them stays on one line, so that erasing one is enough."""


class LogView(Protocol):
    """Where the chunks of one log go, in order."""

    def show(self, chunk: LogChunk) -> None:
        """Show one chunk at once."""
        ...

    def close(self) -> None:
        """The log ends here, or is not followed any further."""
        ...


def follow(store: Store, task_id: str, view: LogView, tail: int | None = None) -> None:
    """Show the log from its start, or its last ``tail`` lines, and go on until the task has ended.

    The view is closed on every way out, Ctrl-C included.
    """
    try:
        position = "" if tail is None else _show(store, task_id, view, tail)
        if position is not None:
            for chunk in store.follow_log(task_id, position):
                view.show(chunk)
    finally:
        view.close()


def show(store: Store, task_id: str, view: LogView, tail: int | None = None) -> None:
    """Show the log as far as it goes now, or its last ``tail`` lines."""
    try:
        _show(store, task_id, view, tail)
    finally:
        view.close()


def _show(store: Store, task_id: str, view: LogView, tail: int | None) -> str | None:
    """Show what is there, and return the position reached; None where the log has ended."""
    position: str | None = ""

    def read() -> Iterator[LogChunk]:
        nonlocal position
        while position is not None and (chunks := store.read_log(task_id, position)):
            position = None if chunks[-1].kind == "end" else chunks[-1].position
            yield from chunks

    for chunk in read() if tail is None else last_lines(read(), tail):
        view.show(chunk)
    return position


def last_lines(chunks: Iterable[LogChunk], count: int) -> Iterator[LogChunk]:
    """The last ``count`` lines, the first chunk cut to begin with one.

    A note counts as a line, and so does a last line that has no newline yet, live or not.
    """
    kept: deque[tuple[LogChunk, int]] = deque()
    live: LogChunk | None = None
    lines = 0
    for chunk in chunks:
        # Whatever comes after it takes its place.
        live = chunk if chunk.kind == "live" else None
        if chunk.kind in ("live", "end"):
            continue
        ends = chunk.data.count(b"\n") if chunk.kind == "output" else 1
        kept.append((chunk, ends))
        lines += ends
        while lines - kept[0][1] > count:
            lines -= kept.popleft()[1]
    unfinished = bool(kept) and kept[-1][0].kind == "output" and not kept[-1][0].data.endswith(b"\n")
    surplus = max(0, lines + (unfinished or live is not None) - count)
    for chunk, ends in kept:
        if surplus == 0:
            yield chunk
        elif ends < surplus or chunk.kind == "note":
            surplus -= ends
        else:
            rest = chunk.data.split(b"\n", surplus)[surplus]
            surplus = 0
            if rest:
                yield replace(chunk, data=rest)
    if live is not None and count:
        yield live


def exit_code(task: TaskRecord) -> int:
    """What a process ends with that stands for this ended task: the script's own exit code, where it ran.

    128 + N stands for signal N, as in a shell; 1 for a task that did not complete otherwise.
    """
    if task.status is Status.COMPLETED:
        return 0
    code = task.exit_code or 1
    return code if code > 0 else 128 - code


class TextView:
    """For people and pipes, on ``stream``. A terminal gets dim notes, and no escapes but colours.

    A line that overwrites itself is shown in place on a terminal. A pipe gets of it only the
    state in which it stands when the log is not read any further.
    """

    def __init__(self, stream: TextIO) -> None:
        self._out = _bytes_to(stream)
        self._filter = EscapeFilter() if stream.isatty() else None
        self._at_line_start = True
        self._live = b""

    def show(self, chunk: LogChunk) -> None:
        """Write one chunk and flush."""
        if chunk.kind == "live":
            self._show_live(chunk.data)
        else:
            self._erase_live()
        if chunk.kind == "output":
            self._write(self._filter.feed(chunk.data) if self._filter else chunk.data)
        elif chunk.kind == "note":
            self._write_note(chunk.data)
        self._out.flush()

    def close(self) -> None:
        """Write what waited, and leave a terminal in its own colours at the start of a line."""
        if self._filter:
            self._write(self._filter.close() + PLAIN)
            if self._live or not self._at_line_start:
                self._write(b"\n")
        elif self._live:
            # As the log will say it: over what the line began with.
            self._write((b"" if self._at_line_start else b"\r") + self._live)
        self._live = b""
        self._out.flush()

    def _show_live(self, state: bytes) -> None:
        self._live = state
        if self._filter:
            shown = EscapeFilter()
            self._out.write(ERASED + UNWRAPPED + shown.feed(state) + shown.close() + PLAIN + WRAPPED)

    def _erase_live(self) -> None:
        if self._live and self._filter:
            self._out.write(ERASED)
            # What the line began with is gone from the terminal, too.
            self._at_line_start = True
        self._live = b""

    def _write_note(self, text: bytes) -> None:
        line = "── ".encode() + b" ".join(text.split()) + " ──".encode()
        if self._filter:
            line = DIM + EscapeFilter().feed(line) + PLAIN
        self._write((b"" if self._at_line_start else b"\n") + line + b"\n")

    def _write(self, data: bytes) -> None:
        if data:
            self._out.write(data)
            visible = data.removesuffix(PLAIN)
            self._at_line_start = visible.endswith(b"\n") if visible else self._at_line_start


class _Decoded:
    """Bytes for a stream that takes text alone, as a notebook's does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes) -> None:
        self._stream.write(self._decoder.decode(data))

    def flush(self) -> None:
        self._stream.flush()


def _bytes_to(stream: TextIO) -> BinaryIO:
    return getattr(stream, "buffer", None) or cast("BinaryIO", _Decoded(stream))
