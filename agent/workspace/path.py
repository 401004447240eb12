"""Which paths a task may write in its workspace."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from elsewhere.contract.errors import UnsafeSource

# Characters that HFS+ leaves out when it compares names.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# Git's own files, by the names under which some file system opens them too.
_GITS_OWN = re.compile(r"(?:\.git|git~\d+|\.gitmodules|gitmod~\d+)\Z")


def refuse_unsafe(path: bytes, origin: str) -> tuple[str, ...]:
    """The parts of ``path``, if it stays inside the tree and is none of git's own files.

    Args:
        path: relative to the root of the tree, with forward slashes.
        origin: what the path stands in, such as "the diff", for the message.

    Raises:
        UnsafeSource: it does not; the message names it.
    """
    name = os.fsdecode(path)
    if not path or b"\0" in path:
        raise UnsafeSource(f"{origin} names a file {name!r}, which no file can be called", "")
    if path.startswith(b"/"):
        raise UnsafeSource(f"{origin} names {name!r}, which is an absolute path", "")
    parts = tuple(name.split("/"))
    # A backslash is a letter here and a separator elsewhere: for the check it is both.
    for part in name.replace("\\", "/").split("/"):
        if part in ("", ".", ".."):
            raise UnsafeSource(f"{origin} names {name!r}, which may lead out of the tree", "")
        if _is_gits_own(part):
            raise UnsafeSource(f"{origin} names {name!r}, which is one of git's own files", "")
    return parts


def refuse_links(paths: Iterable[bytes], folder: Path, origin: str) -> None:
    """Refuse ``paths`` that are, or that lie below, a symbolic link in ``folder``.

    Raises:
        UnsafeSource: the message names the path.
    """
    plain: set[str] = set()
    for path in paths:
        current = os.fspath(folder)
        for part in os.fsdecode(path).split("/"):
            current = f"{current}/{part}"
            if current in plain:
                continue
            try:
                mode = os.lstat(current).st_mode
            except (FileNotFoundError, NotADirectoryError):
                break
            if stat.S_ISLNK(mode):
                raise UnsafeSource(f"{origin} changes {os.fsdecode(path)!r} at a symbolic link", "")
            plain.add(current)


def _is_gits_own(part: str) -> bool:
    name = _IGNORED.sub("", part).casefold().partition(":")[0].rstrip(" .")
    return _GITS_OWN.match(name) is not None
