"""Writes one behind the other in a file, each in a frame that shows whether it is whole.

A frame is eight bytes (the length and the CRC-32 of what follows, big-endian) and what
``elsewhere.contract.write.encode_write`` made of the write. A process that is killed leaves all
frames whole but the last.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

_HEAD = struct.Struct(">II")

LONGEST_FRAME = 256 * 1024 * 1024
"""Bytes. Far above any write: a length over it is none of ours."""


class FrameFile:
    """The writing end. Thread-safe; other processes may append to the same file at the same time."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        # A child must not find the lock held by a thread that it does not have.
        os.register_at_fork(after_in_child=self._renew_lock)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._descriptor).st_size

    def append(self, payloads: Sequence[bytes]) -> None:
        """Append a frame for each of ``payloads``: all, or none.

        Raises:
            OSError: they have no room there.
        """
        data = b"".join(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload for payload in payloads)
        with self._lock:
            # This lock is the process's own, and a fork does not inherit it.
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                self._append_whole(data)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

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

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()


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


def framed_size(payloads: Sequence[bytes]) -> int:
    """Bytes that frames of these take."""
    return sum(_HEAD.size + len(payload) for payload in payloads)
