"""What a container prints, taken from the engine's connection and put into a pipe."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_HEAD: Final = 8
"""The engine puts what is printed into frames: a kind, three zeros, four bytes of size, and the bytes."""

_LOOK_AHEAD: Final = 262144
"""Frames up to this size are taken whole; engines make them an eighth as large."""

_LOOKS: Final = 50
_LATER_SECONDS: Final = 0.001
"""How often, and after what time, is looked for the rest of a frame that is just being written."""


def frames(connection: socket.socket) -> Iterator[bytes]:
    """What is in the frames of a connection, to its end.

    Frames are taken from the connection after the caller is done with them, and whole: when this
    process is killed, whoever holds a copy of the connection goes on at the begin of a frame. Some
    may come twice then, and none is missing.
    """
    while True:
        for _ in range(_LOOKS):
            seen = connection.recv(_LOOK_AHEAD, socket.MSG_PEEK)
            payload, taken = _whole_frames(seen)
            if taken or not seen:
                break
            time.sleep(_LATER_SECONDS)
        if not seen:
            return
        if taken:
            yield payload
            _take(connection, taken)
        else:  # a huge one, or the last one of an engine that died
            head = _take(connection, _HEAD)
            yield _take(connection, int.from_bytes(head[4:], "big"))


def _whole_frames(seen: bytes) -> tuple[bytes, int]:
    """What the frames that are there to their ends hold, and how many bytes they are."""
    parts, at = [], 0
    while len(seen) - at >= _HEAD:
        end = at + _HEAD + int.from_bytes(seen[at + 4 : at + _HEAD], "big")
        if end > len(seen):
            break
        parts.append(seen[at + _HEAD : end])
        at = end
    return b"".join(parts), at


def _take(connection: socket.socket, size: int) -> bytes:
    """So many bytes; fewer at the end."""
    taken = bytearray()
    while len(taken) < size:
        part = connection.recv(min(size - len(taken), _LOOK_AHEAD))
        if not part:
            break
        taken += part
    return bytes(taken)


class Stream:
    """One connection to a container: what it prints, and what it is told.

    Args:
        connection: attached to the container's stdin and stdout; owned from now on.
        written: the end of a pipe that takes what it prints; owned from now on.
    """

    def __init__(self, connection: socket.socket, written: int) -> None:
        self._connection = connection
        self._written = written
        self._frames = frames(connection)
        self._rest = b""
        self._open = True
        self._closing = threading.Lock()

    @property
    def descriptor(self) -> int | None:
        """The connection; None once it is closed."""
        return self._connection.fileno() if self._open else None

    def first_line(self, seconds: float) -> bytes:
        """The first line of what it prints, without its end, and kept from the pipe; less at an early end.

        Raises:
            TimeoutError: it does not come in time.
        """
        self._connection.settimeout(seconds)
        for frame in self._frames:
            self._rest += frame
            if b"\n" in frame:
                break
        self._connection.settimeout(None)
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def pump(self) -> None:
        """Put what it prints into the pipe until it ends, or nobody reads; then close both. For a thread."""
        try:
            with suppress(OSError):
                write_all(self._written, self._rest)
                for frame in self._frames:
                    write_all(self._written, frame)
        finally:
            self.close()

    def say(self, line: bytes) -> None:
        """Send a line to its stdin, unless all is over."""
        with self._closing, suppress(OSError):
            if self._open:
                self._connection.send(line, socket.MSG_DONTWAIT)

    def hang_up(self) -> None:
        """End the connection, all copies of it included; ``pump`` then ends."""
        with self._closing, suppress(OSError):
            if self._open:
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection and the pipe. Safe to repeat."""
        with self._closing:
            if self._open:
                self._open = False
                self._connection.close()
                os.close(self._written)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however often that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
