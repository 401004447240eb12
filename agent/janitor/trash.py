"""Removal in two steps: one rename, after which nobody finds it, then the deletion.

A janitor that is killed in between leaves trash, which the next one finishes. Trees that
a script could write to are renamed where they lie: one that it made read-only cannot be moved.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.removal import remove_tree

_PREFIX: Final = ".trash-"


def discard(path: Path, into: Path) -> Path:
    """Rename ``path`` to a name of the trash in the folder ``into``, and return that.

    Raises:
        OSError: it is not there, or may not be renamed.
    """
    return path.rename(into / f"{_PREFIX}{path.name}-{os.getpid()}-{time.monotonic_ns()}")


def trash_in(folder: Path) -> list[Path]:
    """What an earlier janitor has renamed in ``folder`` and not deleted."""
    try:
        return [path for path in folder.iterdir() if path.name.startswith(_PREFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def delete(trash: Path) -> int:
    """Delete what was discarded; the bytes that this has freed.

    Raises:
        OSError: something in it cannot be deleted.
    """
    freed = own_bytes(trash)
    remove_tree(trash)
    return freed


def own_bytes(path: Path) -> int:
    """The space on the disk that a removal of ``path`` frees.

    Files with another name elsewhere count nothing: environments are hard links into the
    installer's cache.
    """
    return sum(
        found.st_blocks * 512
        for found in _everything(path)
        if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode)
    )


def _everything(path: Path) -> Iterator[os.stat_result]:
    with suppress(OSError):
        yield path.lstat()
    pending = [os.fspath(path)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
