"""Where a session lies: in a folder, or packed. What is in it was made by whoever sent it.

Nothing is ever unpacked: members are read where they lie, so none can be written anywhere. Only the
names of ``elsewhere.offline.session.NAMES`` are read, each of them a plain file and there once.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Protocol

from elsewhere.contract.errors import SessionRefused
from elsewhere.offline.session import BLOBS, NAMES, TASK

LARGEST = 2 * 1024**3
"""Bytes that the members of an archive may have when they are unpacked, all in all."""
MOST_MEMBERS = 10_000

_BY_HAND = "Where you trust it, unpack it yourself and import the folder."
_AGAIN = "Copy it again from where it was recorded, or import the folder that it was made of."

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)


class Shelf(Protocol):
    """A session's files, wherever they lie."""

    @property
    def path(self) -> Path:
        """The folder, or the archive."""
        ...

    def names(self) -> list[str]:
        """Names of all members, in order."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A member's bytes; reading them may raise ``SessionRefused``."""
        ...


class FolderShelf:
    """A session in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    def names(self) -> list[str]:
        """Names of all members; what a kill has left beside them is passed over."""
        blobs = self._path / BLOBS
        found = [entry.name for entry in self._path.iterdir()]
        found += [f"{BLOBS}/{entry.name}" for entry in (blobs.iterdir() if blobs.is_dir() else ())]
        return sorted(name for name in found if NAMES.fullmatch(name))

    def open(self, name: str) -> BinaryIO:
        """A member's bytes."""
        try:
            descriptor = os.open(
                self._path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            raise SessionRefused(f"{self._path}: {name} cannot be read: {error.strerror}") from error
        file = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise SessionRefused(f"{self._path}: {name} is no plain file")
        return file


class ArchiveShelf:
    """A session in a zip archive, which is refused where it holds anything that a session does not.

    Args:
        path: the archive.
        largest: bytes that its members may have all in all, unpacked.

    Raises:
        SessionRefused: what it holds is no session, or is not safe; the message names the member.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise SessionRefused(f"{path} is no zip archive, or is not whole: {error}", _AGAIN) from error
        try:
            self._members = _checked(path, self._archive.infolist(), largest)
        except BaseException:
            self._archive.close()
            raise

    @property
    def path(self) -> Path:
        """The archive."""
        return self._path

    def names(self) -> list[str]:
        """Names of all members."""
        return sorted(self._members)

    def open(self, name: str) -> BinaryIO:
        """A member's bytes, of which there are never more than it declares."""
        member = self._members[name]
        with _told(self._path, name):
            return io.BufferedReader(_Counted(self._archive.open(member), self._path, member))

    def close(self) -> None:
        """Let go of the archive."""
        self._archive.close()


class _Counted(io.RawIOBase):
    """A member as it is unpacked, refused as soon as it is larger than it declares."""

    def __init__(self, stream: IO[bytes], path: Path, member: zipfile.ZipInfo) -> None:
        self._stream = stream
        self._path = path
        self._member = member
        self._left = member.file_size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # of bytes, as BufferedReader has it
        with _told(self._path, self._member.filename):
            piece = self._stream.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise SessionRefused(
                f"{self._path}: {self._member.filename} holds more than the"
                f" {self._member.file_size:,} bytes that it declares"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def open_shelf(path: Path, *, largest: int = LARGEST) -> Iterator[Shelf]:
    """The session at ``path``, a folder or an archive of one.

    Raises:
        SessionRefused: there is none, or it is not safe to read.
    """
    if path.is_dir():
        folder = FolderShelf(path)
        _require_session(folder)
        yield folder
        return
    if not path.is_file():
        raise SessionRefused(
            f"{path} is not there, or is neither folder nor file",
            "Give the archive or folder that a run named when it ended.",
        )
    archive = ArchiveShelf(path, largest=largest)
    try:
        _require_session(archive)
        yield archive
    finally:
        archive.close()


def _require_session(shelf: Shelf) -> None:
    if TASK not in shelf.names():
        raise SessionRefused(
            f"{shelf.path} holds no offline session: there is no {TASK} in it",
            "Give the archive or folder that a run named when it ended.",
        )


def _checked(path: Path, members: list[zipfile.ZipInfo], largest: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name, each looked at before any of them is read."""
    if len(members) > MOST_MEMBERS:
        raise SessionRefused(f"{path} holds {len(members):,} members, over the limit of {MOST_MEMBERS:,}", "")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        if member.filename == f"{BLOBS}/":
            continue
        reason = _fault(member)
        if reason is None and member.filename in found:
            reason = "it is there twice"
        if reason is not None:
            raise SessionRefused(f"{path} holds {member.orig_filename!r:.200}: {reason}", "Do not trust it.")
        found[member.filename] = member
    size = sum(member.file_size for member in found.values())
    if size > largest:
        biggest = max(found.values(), key=lambda member: member.file_size)
        raise SessionRefused(
            f"{path} would have {size:,} bytes unpacked, over the limit of {largest:,};"
            f" {biggest.filename} alone {biggest.file_size:,}",
            _BY_HAND,
        )
    return found


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Why the member cannot belong to a session; None where it can."""
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "its name is an absolute path"
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "its name leads out of the archive"
    if kind == stat.S_IFLNK:
        return "it is a link"
    if kind not in (0, stat.S_IFREG):
        return "it is no plain file"
    if not NAMES.fullmatch(name):
        return "an offline session has no such file"
    if member.flag_bits & 0x1:
        return "it is encrypted"
    # The others unpack as much as they like at a time, whatever was asked for.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is compressed in a way that sessions are not"
    return None


@contextmanager
def _told(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (*_DAMAGE, OSError) as error:
        raise SessionRefused(f"{path}: {name} is damaged: {error}", _AGAIN) from error
