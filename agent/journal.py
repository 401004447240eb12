"""The attempt's journal on disk: every log chunk is here before it is anywhere else.

Chunks are numbered from 1 without gaps, and a chunk that was written keeps its number
and its bytes for ever: so it can be sent again after any crash, and the store drops
what it has already. Segments whose chunks have all been acknowledged are removed.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elsewhere.contract.errors import DiskFull
from elsewhere.contract.task import LogKind

_HEADER: Final = struct.Struct("<QBI")
_KINDS: Final[tuple[LogKind, ...]] = ("output", "note")
SEGMENT_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One chunk of the log: its number, its kind and its bytes."""

    sequence: int
    kind: LogKind
    data: bytes


class Journal:
    """Append-only segments in one folder. One writer's lock, one reader; both may be threads."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._changed = threading.Condition()
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._begins = sorted(int(path.stem) for path in folder.glob("*.chunks"))
        self._last = self._recover()
        self._file = -1
        self._size = 0

    @property
    def last(self) -> int:
        """Number of the newest chunk; 0 before the first."""
        return self._last

    def append(self, kind: LogKind, data: bytes) -> None:
        """Write a chunk and give it the next number.

        Raises:
            DiskFull: nothing of the chunk is kept then.
        """
        with self._changed:
            if self._file < 0 or self._size >= self._segment_bytes:
                self._open_segment()
            record = _HEADER.pack(self._last + 1, _KINDS.index(kind), len(data)) + data
            self._write(record)
            self._size += len(record)
            self._last += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing will be appended any more; readers come to their end."""
        with self._changed:
            self._closed = True
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            self._changed.notify_all()

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Chunks numbered above ``after``, waiting for new ones, until the journal is closed."""
        position, begin, segment = after, -1, -1
        try:
            while self._wait_beyond(position):
                newer = self._segment_of(position + 1)
                if newer != begin:
                    if segment >= 0:
                        os.close(segment)
                    begin, segment = newer, os.open(self._path(newer), os.O_RDONLY | os.O_CLOEXEC)
                entry = _read_entry(segment)
                if entry is None:
                    raise OSError(errno.EIO, "the journal lost a chunk", str(self._path(begin)))
                if entry.sequence > position:
                    position = entry.sequence
                    yield entry
        finally:
            if segment >= 0:
                os.close(segment)

    def forget(self, acknowledged: int) -> None:
        """Remove the segments that hold nothing above number ``acknowledged``."""
        with self._changed:
            while len(self._begins) > 1 and self._begins[1] <= acknowledged + 1:
                self._path(self._begins.pop(0)).unlink(missing_ok=True)

    def _wait_beyond(self, position: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._last > position)
            return self._last > position

    def _segment_of(self, sequence: int) -> int:
        with self._changed:
            return max((begin for begin in self._begins if begin <= sequence), default=self._begins[0])

    def _path(self, begin: int) -> Path:
        return self._folder / f"{begin:020d}.chunks"

    def _open_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        begin = self._last + 1
        path = self._path(begin)
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _as_disk_full(error, path) from error
        self._size = os.fstat(self._file).st_size
        if begin not in self._begins:
            self._begins.append(begin)

    def _write(self, record: bytes) -> None:
        try:
            written = os.write(self._file, record)
            while written < len(record):
                written += os.write(self._file, record[written:])
        except OSError as error:
            # A torn record would hide everything behind it: take it back.
            os.ftruncate(self._file, self._size)
            raise _as_disk_full(error, self._folder) from error

    def _recover(self) -> int:
        """Number of the newest whole chunk; a torn one behind it, from a crash, is taken back."""
        if not self._begins:
            return 0
        last = self._begins[-1] - 1
        with self._path(self._begins[-1]).open("r+b", buffering=0) as segment:
            while (entry := _read_entry(segment.fileno())) is not None:
                last = entry.sequence
            segment.truncate(os.lseek(segment.fileno(), 0, os.SEEK_CUR))
        return last


def _read_entry(descriptor: int) -> Entry | None:
    """The next whole entry, or None with the position unmoved where there is none yet."""
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    header = os.read(descriptor, _HEADER.size)
    if len(header) == _HEADER.size:
        sequence, kind, size = _HEADER.unpack(header)
        data = os.read(descriptor, size)
        if len(data) == size and kind < len(_KINDS):
            return Entry(sequence, _KINDS[kind], data)
    os.lseek(descriptor, start, os.SEEK_SET)
    return None


def _as_disk_full(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left for the journal at {path}")
    return error
