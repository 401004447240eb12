"""The attempt's journal on disk: all that an attempt writes is here before it is anywhere else.

Entries are numbered from 1 without gaps, and one that was written keeps its number and its
bytes: so it can be sent again after any crash, and the store drops what it has already.
Segments whose entries have all been acknowledged are removed. When a server is away for so
long that the journal outgrows its limit, the oldest segments give up their log chunks and
keep the rest: readers then find a gap in the numbers. When even what they kept takes half the
limit, the oldest of it gives up its scalars, too.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from elsewhere.contract.errors import DiskFull

EntryKind = Literal["output", "note", "live", "event", "parameters", "built", "scalars", "write"]

_HEADER: Final = struct.Struct("<QBI")
# A kind is its place here: new ones come last, for journals that an older version wrote.
_KINDS: Final[tuple[EntryKind, ...]] = (
    "output", "note", "live", "event", "parameters", "built", "scalars", "write",
)  # fmt: skip
_OF_THE_LOG: Final[frozenset[str]] = frozenset({"output", "note", "live"})
_BULK: Final[frozenset[str]] = _OF_THE_LOG | {"scalars"}
SEGMENT_BYTES: Final = 16 * 1024 * 1024
LIMIT_BYTES: Final = 256 * 1024 * 1024
"""What the journal may take on disk before it gives up log chunks, and half as much for what it keeps
of them. The store keeps 64 MiB of a log: more would be cut there."""


@dataclass(frozen=True)
class Entry:
    """One thing that was written: its number, its kind and its bytes."""

    sequence: int
    kind: EntryKind
    data: bytes


class Journal:
    """Append-only segments in one folder. One writer's lock, one reader; both may be threads."""

    def __init__(
        self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments_kept = max(2, limit_bytes // segment_bytes)
        self._limit_bytes = limit_bytes
        self._thinned: set[int] = set()
        self._bared: set[int] = set()
        self._changed = threading.Condition()
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._begins = sorted(int(path.stem) for path in folder.glob("*.chunks"))
        self._last = self._recover()
        self._file = -1
        self._size = 0

    @property
    def last(self) -> int:
        """Number of the newest entry; 0 before the first."""
        return self._last

    def append(self, kind: EntryKind, data: bytes) -> None:
        """Write an entry and give it the next number.

        Raises:
            DiskFull: nothing of the entry is kept then.
        """
        with self._changed:
            if self._file < 0 or self._size >= self._segment_bytes:
                self._open_segment()
                self._thin_out()
            record = _pack(Entry(self._last + 1, kind, data))
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
                entry = _read_entry(segment) if segment >= 0 else None
                if entry is not None:
                    if entry.sequence > position:
                        position = entry.sequence
                        yield entry
                    continue
                if segment >= 0:
                    os.close(segment)
                begin, segment = self._open_next(begin)
        finally:
            if segment >= 0:
                os.close(segment)

    def tail(self, most: int) -> bytes:
        """The last output that was written, at most so many bytes, as far as the newest segment goes."""
        with self._changed:
            newest = self._path(self._begins[-1]) if self._begins else None
        if newest is None:
            return b""
        tail = b""
        with newest.open("rb", buffering=0) as segment:
            while (entry := _read_entry(segment.fileno())) is not None:
                if entry.kind == "output":
                    tail = (tail + entry.data)[-most:]
        return tail

    def forget(self, acknowledged: int) -> None:
        """Remove the segments that hold nothing above number ``acknowledged``."""
        with self._changed:
            while len(self._begins) > 1 and self._begins[1] <= acknowledged + 1:
                self._path(self._begins.pop(0)).unlink(missing_ok=True)

    def _wait_beyond(self, position: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._last > position)
            return self._last > position

    def _open_next(self, done: int) -> tuple[int, int]:
        """The first segment behind ``done``, opened; a thinned one keeps its place and name."""
        with self._changed:
            begin = min(begin for begin in self._begins if begin > done)
            return begin, os.open(self._path(begin), os.O_RDONLY | os.O_CLOEXEC)

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

    def _thin_out(self) -> None:
        """Over the limit: the oldest segment that still has log chunks gives them up; then scalars."""
        fat = [begin for begin in self._begins if begin not in self._thinned]
        if len(fat) > self._segments_kept:
            self._give_up(fat[0], _OF_THE_LOG)
            self._thinned.add(fat[0])
        thin = [begin for begin in self._begins if begin in self._thinned - self._bared]
        if sum(self._path(begin).stat().st_size for begin in thin) > self._limit_bytes // 2:
            self._give_up(thin[0], _BULK)
            self._bared.add(thin[0])

    def _give_up(self, begin: int, kinds: frozenset[str]) -> None:
        path = self._path(begin)
        kept = bytearray()
        with path.open("rb", buffering=0) as segment:
            while (entry := _read_entry(segment.fileno())) is not None:
                if entry.kind not in kinds:
                    kept += _pack(entry)
        thin = path.with_suffix(".thin")
        thin.write_bytes(kept)
        # A reader that has the old file open reads it to its end: nothing is lost there.
        thin.replace(path)

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


def _pack(entry: Entry) -> bytes:
    return _HEADER.pack(entry.sequence, _KINDS.index(entry.kind), len(entry.data)) + entry.data


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
