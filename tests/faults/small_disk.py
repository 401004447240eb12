"""A disk of few megabytes, mounted where an agent writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of that size at ``folder``; skips the test where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no small disk can be mounted here: {error.strerror}")
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip() or 'not allowed'}")
    try:
        yield folder
    finally:
        # Lazily: a process that is just ending may still stand in it.
        subprocess.run(["umount", "-l", str(folder)], check=True)


def used_bytes(folder: Path) -> int:
    """Bytes that are in use on the disk of ``folder``."""
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def fill(folder: Path, leave: int) -> Path:
    """A file that takes all room on the disk of ``folder`` but for ``leave`` bytes."""
    disk = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)
    return filler
