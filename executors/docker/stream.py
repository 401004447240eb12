"""What a container prints, taken from the engine's connection and put into a pipe."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from contextlib import suppress
from typing import Final

_HEAD: Final = 8
"""The engine puts what is printed into frames: a kind, three zeros, four bytes of size, and the bytes."""

_LOOK_AHEAD: Final = 262144
"""Frames up to this size are taken whole; engines make them an eighth as large."""

_LOOKS: Final = 50
_LATER_SECONDS: Final = 0.001
"""How often, and after what time, is looked for the rest of a frame that is just being written."""

_ROOM_BYTES: Final = 8 * 1024 * 1024
"""More than an engine holds of what a command printed and nobody read."""


class Frames:
    """What is in the frames of a connection.

    They stay there, whole, until ``release``: when this process is killed, whoever holds a copy of
    the connection goes on at the begin of a frame. Some may come twice then, and none is missing.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._seen = 0

    def next(self) -> bytes | None:
        """What the next ones hold, those before having been released; None at the end."""
        for _ in range(_LOOKS):
            seen = self._connection.recv(_LOOK_AHEAD, socket.MSG_PEEK)
            if not seen:
                return None
            payload, self._seen = _whole_frames(seen)
            if self._seen:
                return payload
            time.sleep(_LATER_SECONDS)
        # A huge one, or the last one of an engine that died.
        head = _take(self._connection, _HEAD)
        return _take(self._connection, int.from_bytes(head[4:], "big"))

    def release(self) -> None:
        """What ``next`` returned is in good hands. Safe to repeat."""
        if self._seen:
            _take(self._connection, self._seen)
            self._seen = 0


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

    What is printed waits in the connection until the pipe has room: so a command that nobody reads
    waits, too. But the engine does not tell a command's end before all that it printed was taken:
    whoever ends one makes room for the rest.

    Args:
        connection: attached to the container's stdin and stdout; owned from now on.
        written: the end of a pipe that takes what it prints; owned from now on.
    """

    def __init__(self, connection: socket.socket, written: int) -> None:
        self._connection = connection
        self._written = written
        os.set_blocking(written, False)
        self._frames = Frames(connection)
        self._waiting = bytearray()
        self._room = 0
        self._woken, self._waker = os.pipe()
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
        while b"\n" not in self._waiting and (frame := self._frames.next()) is not None:
            self._waiting += frame
            self._frames.release()
        self._connection.settimeout(None)
        line, _, rest = bytes(self._waiting).partition(b"\n")
        self._waiting = bytearray(rest)
        return line

    def pump(self) -> None:
        """Put what it prints into the pipe until it ends, or nobody reads; then close both. For a thread."""
        ended = False
        try:
            with suppress(OSError):
                while self._waiting or not ended:
                    takes = not ended and len(self._waiting) <= self._room
                    if self._await(takes):
                        frame = self._frames.next()
                        ended = frame is None
                        self._waiting += frame or b""
                    self._put()
                    if self._room or not self._waiting:
                        self._frames.release()
        finally:
            self.close()

    def make_room(self) -> None:
        """Take more of what it prints, although the pipe is full: its end is near."""
        with self._closing:
            if self._open:
                self._room += _ROOM_BYTES
                os.write(self._waker, b".")

    def say(self, line: bytes) -> None:
        """Send a line to its stdin, unless all is over."""
        with self._closing, suppress(OSError):
            if self._open:
                self._connection.send(line, socket.MSG_DONTWAIT)

    def hang_up(self) -> None:
        """End the connection, all copies of it included; ``pump`` ends once its reader has all or is gone."""
        with self._closing, suppress(OSError):
            if self._open:
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection and the pipe. Safe to repeat."""
        with self._closing:
            if self._open:
                self._open = False
                self._connection.close()
                for descriptor in (self._written, self._woken, self._waker):
                    os.close(descriptor)

    def _await(self, takes: bool) -> bool:
        """Wait until something can be done; whether there is something in the connection."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        # Registered without an event, too: that nobody reads any more is told in any case.
        poll.register(self._written, select.POLLOUT if self._waiting else 0)
        if takes:
            poll.register(self._connection, select.POLLIN)
        ready = dict(poll.poll())
        if self._woken in ready:
            os.read(self._woken, 64)
        if ready.get(self._written, 0) & select.POLLERR:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return takes and self._connection.fileno() in ready

    def _put(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                del self._waiting[: os.write(self._written, self._waiting)]
