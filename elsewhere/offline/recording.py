"""A session as it is read back: all of it is looked at before any of it is used."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from elsewhere.contract.blobs import blobs_in
from elsewhere.contract.codec import decode
from elsewhere.contract.errors import SchemaError, SessionRefused, UsageError
from elsewhere.contract.status import Status, may_move
from elsewhere.contract.write import decode_write
from elsewhere.desk.ending import Ending
from elsewhere.offline.frames import framed_size, read_frames
from elsewhere.offline.session import BLOBS, END, TASK, WRITES, Ended, Session
from elsewhere.offline.shelf import LARGEST, FolderShelf, open_shelf
from elsewhere.store.edit_rules import checked_id

if TYPE_CHECKING:
    from elsewhere.contract.write import Write
    from elsewhere.offline.shelf import Shelf

T = TypeVar("T")

LONGEST_JSON = 64 * 1024 * 1024
"""Bytes of ``task.json`` and of ``end.json``."""

WORDLESS = Ending(Status.STOPPED, "the desk's process ended without a word")
"""How a run ended that was killed."""


class Recording:
    """A session that can be imported whole.

    Raises:
        SessionRefused: it cannot; the message names what is wrong with which part of it.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._names = shelf.names()
        self.session = self._read(Session, TASK)
        self.ended = self._read(Ended, END) if END in self._names else None
        self._check()

    @property
    def ending(self) -> Ending:
        """How the run ended."""
        return WORDLESS if self.ended is None else self.ended.ending

    def blobs(self) -> Iterator[bytes]:
        """The bytes that the spec refers to, one blob at a time."""
        for name in self._names:
            if name.startswith(f"{BLOBS}/"):
                with self._shelf.open(name) as stream:
                    data = stream.read()
                if hashlib.sha256(data).hexdigest() != name.rpartition("/")[2]:
                    raise SessionRefused(f"{self._shelf.path}: {name} has other bytes than it had once")
                yield data

    def writes(self) -> Iterator[Write]:
        """What the run wrote, in order; without a last one that a kill has cut."""
        if WRITES not in self._names:
            return
        with self._shelf.open(WRITES) as stream:
            for number, payload in enumerate(read_frames(stream), 1):
                try:
                    yield decode_write(payload)
                except SchemaError as error:
                    raise self._refusal(f"write {number} of {WRITES}", error) from error

    def _check(self) -> None:
        try:
            checked_id(self.session.id)
        except UsageError as error:
            raise SessionRefused(f"{self._shelf.path}: {TASK}: {error.what}") from error
        if not may_move(Status.IN_PROGRESS, self.ending.status) or not self.ending.status.ended:
            raise SessionRefused(f"{self._shelf.path}: {END}: no run ends as {self.ending.status}")
        sizes = {hashlib.sha256(data).hexdigest(): len(data) for data in self.blobs()}
        for blob in blobs_in(self.session.new.spec):
            if sizes.get(blob.sha256) != blob.size:
                raise SessionRefused(
                    f"{self._shelf.path}: a blob of {blob.size:,} bytes is missing: {BLOBS}/{blob.sha256}"
                )
        for _ in self.writes():
            pass
        self._check_length()

    def _check_length(self) -> None:
        """A run that could say how it ended has left all that it wrote."""
        written = 0 if self.ended is None else self.ended.written
        if written and WRITES in self._names:
            with self._shelf.open(WRITES) as stream:
                written -= sum(framed_size(payload) for payload in read_frames(stream))
        if written > 0:
            raise SessionRefused(f"{self._shelf.path}: {WRITES} is damaged: {written:,} bytes are missing")

    def _read(self, kind: type[T], name: str) -> T:
        with self._shelf.open(name) as stream:
            text = stream.read(LONGEST_JSON + 1)
        if len(text) > LONGEST_JSON:
            raise SessionRefused(f"{self._shelf.path}: {name} has over {LONGEST_JSON:,} bytes")
        try:
            return decode(kind, text)
        except SchemaError as error:
            raise self._refusal(name, error) from error

    def _refusal(self, name: str, error: SchemaError) -> SessionRefused:
        return SessionRefused(f"{self._shelf.path}: {name} cannot be read: {error.what}", error.next_step)


@contextmanager
def open_recording(path: Path, *, largest: int = LARGEST) -> Iterator[Recording]:
    """The session at ``path``, a folder or an archive of one.

    Raises:
        SessionRefused: there is none, it is damaged or unsafe, or its run still records.
    """
    with open_shelf(path, largest=largest) as shelf:
        if isinstance(shelf, FolderShelf):
            _require_left(shelf)
        yield Recording(shelf)


def _require_left(shelf: FolderShelf) -> None:
    with shelf.open(TASK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SessionRefused(
                f"{shelf.path}: its run is still recording", "Wait until it has ended, or end it."
            ) from None
