"""Writes one behind the other in a file, each in a frame that shows whether it is whole.

A frame is eight bytes (the length and the CRC-32 of what follows, big-endian) and what
``elsewhere.contract.write.encode_write`` made of the write. A process that is killed leaves all
frames whole but the last.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_HEAD = struct.Struct(">II")

LONGEST_FRAME = 256 * 1024 * 1024
"""Bytes. Far above any write: a length over it is none of ours."""


class FrameFile:
    """The writing end. Several processes may append to one file; of each, one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _open(path, os.O_CREAT)
        self._process = os.getpid()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._descriptor).st_size

    def append(self, payloads: Sequence[bytes]) -> None:
        """Append a frame for each of ``payloads``: all, or none.

        Raises:
            FileNotFoundError: the file is there no more.
            OSError: they have no room there.
        """
        if self._process != os.getpid():
            # A lock belongs to whoever opened the file: here that was the process that we were forked from.
            self._descriptor, self._process = _open(self._path, 0), os.getpid()
        with self.locked():
            if os.fstat(self._descriptor).st_nlink == 0:
                raise FileNotFoundError(str(self._path))
            self._append_whole(b"".join(map(_framed, payloads)))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else appends meanwhile."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _append_whole(self, data: bytes) -> None:
        before, rest = self.size, memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # Half a frame would hide all that come after it.
            os.ftruncate(self._descriptor, before)
            raise


def read_frames(stream: BinaryIO) -> Iterator[bytes]:
    """What the whole frames of ``stream`` hold, up to its end or to the first one that is not whole."""
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        if length > LONGEST_FRAME:
            return
        payload = stream.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield payload


def framed_size(payload: bytes) -> int:
    """Bytes that a frame of it takes."""
    return _HEAD.size + len(payload)


def _framed(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _open(path: Path, more: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | more, 0o600)
