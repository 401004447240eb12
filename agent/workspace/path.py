"""Which paths a task may write in its workspace."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterable, Sequence
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


def refuse_escaping(target: str, parts: Sequence[str], origin: str) -> None:
    """Refuse the target of a link, the link being at ``parts``, that leads out of the tree.

    Every step is looked at by its words alone: whether the tree's own name, or another link, would
    lead back in does not count.

    Raises:
        UnsafeSource: it does, or it leads to git's own files; the message names both ends.
    """
    place = list(parts[:-1])
    safe = bool(target) and "\0" not in target and not target.startswith("/")
    for part in target.replace("\\", "/").split("/") if safe else ():
        if part == "..":
            safe = safe and bool(place)
            place = place[:-1]
        elif part not in ("", "."):
            safe = safe and not _is_gits_own(part)
            place.append(part)
    if not safe:
        raise UnsafeSource(f"{origin} has a link {'/'.join(parts)!r} to {target!r}, out of the tree", "")


def refuse_links(
    paths: Iterable[bytes], folder: Path, origin: str, *, gone: Container[bytes] = frozenset()
) -> None:
    """Refuse ``paths`` that are, or that lie below, a symbolic link in ``folder``.

    Args:
        paths: relative to ``folder``.
        folder: root of the tree.
        origin: what the paths stand in, for the message.
        gone: links that will not be there any more.

    Raises:
        UnsafeSource: the message names the path.
    """
    plain: set[str] = set()
    for path in paths:
        current = os.fspath(folder)
        parts = path.split(b"/")
        for end, part in enumerate(parts, 1):
            current = f"{current}/{os.fsdecode(part)}"
            if current in plain:
                continue
            if b"/".join(parts[:end]) in gone:
                break
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
