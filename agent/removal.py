"""Removes trees of files that may resist: what a user's script made can be read-only."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` with all that is in it. One that is not there is no error.

    Links are removed, never followed. Repeating the call is safe, also from several processes.

    Raises:
        OSError: something in it cannot be removed; the error names it.
    """
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    _make_writable(folder)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        # Somebody else removes it, too.
        shutil.rmtree(folder, ignore_errors=True)


def _make_writable(folder: Path) -> None:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            current.chmod(stat.S_IRWXU)
            pending += [entry for entry in current.iterdir() if entry.is_dir() and not entry.is_symlink()]
        except OSError:
            # What cannot be opened up is named by the removal that follows.
            continue
