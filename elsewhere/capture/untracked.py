"""Files that no commit and no diff holds, packed as a tar that is the same for the same files."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elsewhere.capture.path import printable
from elsewhere.capture.size import in_words
from elsewhere.contract.errors import CaptureError, UntrackedTooLarge

# Whoever rebuilds a tree refuses git's own files: one of them would make it refuse the whole run.
_REFUSED = frozenset({"", "..", ".git", ".gitmodules"})
_NAMED = 5
"""How many of the largest files an error names."""


@dataclass(frozen=True)
class Untracked:
    """The packed files."""

    tar: bytes | None
    """Uncompressed, without owners and times: files, sorted, and then symbolic links; None without any."""
    paths: frozenset[str]
    """What is in it, relative to the root."""
    left_out: tuple[str, ...]
    """What leads out of the tree, is no file, cannot be read, or is git's own."""
    size: int = 0
    """Bytes that the files hold."""


def pack(root: Path, paths: Iterable[str], limit: int, laid: Mapping[str, bytes] | None = None) -> Untracked:
    """Pack the files at ``paths`` below ``root``.

    A path that is gone by now is passed over, as the run would pass over it.

    Args:
        root: what the paths are relative to; nothing outside of it is ever read.
        paths: with forward slashes.
        limit: bytes that the files may hold all in all.
        laid: files that stand nowhere, by path: they are packed, too, and take the place of what does.

    Raises:
        UntrackedTooLarge: they hold more; the message names the largest.
        CaptureError: a file is being written while it is read.
    """
    found: list[tuple[str, os.stat_result]] = []
    links: list[tuple[str, str]] = []
    left_out = []
    laid = laid or {}
    inside = _Inside(root)
    for path in sorted(set(paths) - laid.keys()):
        try:
            status = os.lstat(root / path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        held = inside.holds(path)
        if held and stat.S_ISREG(status.st_mode) and os.access(root / path, os.R_OK):
            found.append((path, status))
        elif held and stat.S_ISLNK(status.st_mode) and _leads_inside(path, target := _target(root, path)):
            links.append((path, target))
        else:
            left_out.append(path)
    sizes = [*((path, status.st_size) for path, status in found), *((path, len(laid[path])) for path in laid)]
    _require_within(root, sizes, limit)
    tar = _tar(root, found, links, laid) if found or links or laid else None
    packed = frozenset([*(path for path, _ in found), *(path for path, _ in links), *laid])
    return Untracked(tar, packed, tuple(left_out), sum(size for _, size in sizes))


def _target(root: Path, path: str) -> str:
    try:
        return os.readlink(root / path)  # noqa: PTH115 - pathlib tidies the target up
    except OSError as error:
        raise CaptureError(
            f"{printable(path)} cannot be read: {error.strerror}", "Submit again when it can."
        ) from error


def _leads_inside(path: str, target: str) -> bool:
    """Whether a link at ``path`` stays in the tree, and away from git's own files, by its words alone."""
    if not target or target.startswith("/"):
        return False
    # Every step is looked at: what first leads out and then in again depends on the tree's own name.
    place = posixpath.dirname(path)
    for part in target.split("/"):
        place = posixpath.normpath(posixpath.join(place, part))
        if place == ".." or place.startswith("../") or place.rpartition("/")[2].lower() in _REFUSED:
            return False
    return True


class _Inside:
    """Whether paths lead through real folders only; remembers the folders that it has seen."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, bool] = {"": True}

    def holds(self, path: str) -> bool:
        """Whether ``path`` is none of git's own, and no folder on the way a symbolic link or leads up."""
        folder, _, name = path.rpartition("/")
        if name.lower() in _REFUSED:
            return False
        if folder not in self._seen:
            real = not path.startswith("/") and not (self._root / folder).is_symlink()
            self._seen[folder] = real and self.holds(folder)
        return self._seen[folder]


def _require_within(root: Path, sizes: Sequence[tuple[str, int]], limit: int) -> None:
    total = sum(size for _, size in sizes)
    if total <= limit:
        return
    largest = sorted(sizes, key=lambda item: (-item[1], item[0]))[:_NAMED]
    lines = [f"  {in_words(size):>10}  {printable(path)}" for path, size in largest]
    raise UntrackedTooLarge(
        f"The files in {root} that no commit holds are {in_words(total)}, over the limit of "
        f"{in_words(limit)}. The largest:\n" + "\n".join(lines),
        "Name what the run does not need in .gitignore, commit what it does, or raise "
        f"ELSEWHERE_UNTRACKED_LIMIT (bytes) to {total} or more.",
    )


def _tar(
    root: Path,
    files: Sequence[tuple[str, os.stat_result]],
    links: Sequence[tuple[str, str]],
    laid: Mapping[str, bytes],
) -> bytes:
    buffer = io.BytesIO()
    # GNU's format keeps any bytes in a name, and names of any length.
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for path, status in files:
            try:
                data = (root / path).read_bytes()
            except OSError as error:
                raise CaptureError(
                    f"{printable(path)} cannot be read: {error.strerror}", "Submit again when it can."
                ) from error
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            archive.addfile(member, io.BytesIO(data))
        for path, data in sorted(laid.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
        # Last, so that no file is ever written through one.
        for path, target in links:
            member = tarfile.TarInfo(path)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            member.mode = 0o777
            archive.addfile(member)
    return buffer.getvalue()
