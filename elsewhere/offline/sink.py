"""The end that a desk's run is sent to while offline: a folder, packed when the run has ended."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from elsewhere.contract.codec import encode
from elsewhere.contract.errors import DiskFull, ElsewhereError, LateWrite
from elsewhere.contract.write import encode_write
from elsewhere.desk.sink import Found, NotBegun
from elsewhere.offline.frames import FrameFile
from elsewhere.offline.session import BLOBS, END, TASK, WRITES, Ended, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elsewhere.contract.task import NewTask
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending
    from elsewhere.desk.sink import How, Opening


class FolderSink:
    """Keeps one run in a folder of its own: no server is needed, or asked. See ``desk.sink.Sink``.

    Args:
        sessions: the folder in which sessions are kept.
    """

    def __init__(self, sessions: Path) -> None:
        self._sessions = sessions
        self._folder = sessions
        self._frames: FrameFile | None = None
        self._held: int | None = None

    def find(self, opening: Opening) -> Found:
        """Always a new task: what there is of others is on a server."""
        note = ""
        if opening.continues or isinstance(opening.reuse, str):
            note = (
                "offline, a run cannot go on with a task of the store:"
                " import it into that one with `agent import --into ID` instead"
            )
        return Found(opening.id, note=note)

    def begin(self, task_id: str, how: How, new: NewTask, payloads: Sequence[bytes]) -> None:
        """Keep the task as it begins.

        Raises:
            DiskFull: there is no room.
            ElsewhereError: the folder cannot be written to.
        """
        del how
        self._folder = self._sessions / task_id
        with _kept(self._folder):
            blobs = self._folder / BLOBS
            # What runs with it is nobody else's to read.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            blobs.mkdir(mode=0o700, exist_ok=True)
            for payload in payloads:
                _put(blobs / hashlib.sha256(payload).hexdigest(), payload)
            session = Session(task_id, new, time.time(), platform.node())
            # Last: with it, the session is one.
            _put(self._folder / TASK, encode(session).encode())
            self._take()

    def join(self, task_id: str) -> None:
        """Write to the session of another process.

        Raises:
            LateWrite: it has been packed already.
            NotBegun: it has not begun yet.
        """
        self._folder = self._sessions / task_id
        if _archive(self._folder).exists():
            raise self._late()
        if not (self._folder / TASK).exists():
            raise NotBegun(f"the offline session {self._folder} has not begun yet")
        with _kept(self._folder):
            self._take()

    def deliver(self, writes: Sequence[Write]) -> None:
        """Keep these, all or none.

        Raises:
            DiskFull: there is no room.
            LateWrite: the session has been packed already.
        """
        payloads = [encode_write(write) for write in writes]
        with _kept(self._folder):
            try:
                self._open_frames().append(payloads)
            except FileNotFoundError as error:
                raise self._late() from error

    def end(self, ending: Ending) -> None:
        """Keep how the run ended, pack the session, and say on stdout where it is."""
        with _kept(self._folder):
            frames = self._open_frames()
            with frames.locked():
                _put(self._folder / END, encode(Ended(ending, time.time(), frames.size)).encode())
                where = self._folder
                try:
                    where = pack(self._folder)
                except OSError as error:
                    # It is whole as it stands, too.
                    _say(f"the offline session could not be packed: {error.strerror}")
        _say(f"this run is kept in {where}")
        _say(f"send it to the store with 'agent import {where}'")

    def close(self) -> None:
        """Let go of the session."""
        if self._frames is not None:
            self._frames.close()
            self._frames = None
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _take(self) -> None:
        """Hold the lock that says that somebody records, and open the file of writes."""
        if self._held is None:
            self._held = os.open(self._folder / TASK, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_SH)
        self._open_frames()

    def _open_frames(self) -> FrameFile:
        if self._frames is None:
            self._frames = FrameFile(self._folder / WRITES)
        return self._frames

    def _late(self) -> LateWrite:
        return LateWrite(
            f"the offline session {self._folder.name} was packed already",
            "End all processes of a run with it.",
        )


def pack(folder: Path) -> Path:
    """Make ``ID.zip`` of a session's folder, which is removed once the archive is whole; its path.

    Raises:
        OSError: there is no room for it; the folder stays as it was.
    """
    target = _archive(folder)
    part = target.with_name(target.name + ".part")
    try:
        part.touch(mode=0o600)
        with part.open("wb") as file:
            with _archive_in(file) as archive:
                for name in (TASK, WRITES, END):
                    archive.write(folder / name, name)
                for blob in sorted((folder / BLOBS).iterdir()):
                    # Bundles are packed already, and the end of a script should not wait for the rest.
                    archive.write(blob, f"{BLOBS}/{blob.name}", zipfile.ZIP_STORED)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    part.replace(target)
    shutil.rmtree(folder, ignore_errors=True)
    return target


def _archive_in(file: IO[bytes]) -> zipfile.ZipFile:
    # A clock that stands before 1980 must not keep a run from being packed.
    return zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False)


def _archive(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.zip")


def _put(path: Path, data: bytes) -> None:
    """Write a file whole, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space is left for the offline session {folder}") from error
        raise ElsewhereError(
            f"the offline session {folder} cannot be kept: {error.strerror or error}",
            "Point ELSEWHERE_OFFLINE_FOLDER at a folder that can be written to.",
        ) from error


def _say(text: str) -> None:
    stdout = sys.stdout
    if stdout is not None:
        try:
            stdout.write(f"elsewhere: {text}\n")
            stdout.flush()
        except (OSError, ValueError):
            return
