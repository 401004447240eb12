"""A disk that is full, told apart from all other failures."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elsewhere.contract.errors import DiskFull

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_LITTLE = 64 * 1024
_WORDS = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")


@contextmanager
def space_needed(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space" inside the block into ``DiskFull`` at ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise full(path) from error
        raise


def filled(path: Path, output: str) -> bool:
    """Whether a program that wrote to ``path`` and failed with ``output`` did so for want of space.

    Git keeps the reason to itself when it cannot write a file of the tree; what it left
    half written then still fills the disk.
    """
    if any(words in output for words in _WORDS):
        return True
    return "unable to write" in output and not _has_room(path)


def _has_room(path: Path) -> bool:
    try:
        disk = os.statvfs(path)
    except OSError:
        return True
    # File systems that make inodes as they need them count none.
    return disk.f_bavail * disk.f_frsize >= _LITTLE and (disk.f_files == 0 or disk.f_favail > 0)


def full(path: Path) -> DiskFull:
    """The error for a disk on which nothing more can be written to ``path``."""
    return DiskFull(f"no space is left on the disk for {path}")
