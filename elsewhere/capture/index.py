"""Copies of the index for git to work on: the user's own is neither locked nor refreshed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from elsewhere.capture.listing import Listing
from elsewhere.capture.repository import Repository


@dataclass(frozen=True)
class Committed:
    """What the commit holds at a path."""

    mode: str
    """As git writes it, such as ``100644``."""
    blob: str
    """Hash of the content as it is stored."""


def read_commit(repository: Repository) -> dict[str, Committed]:
    """Every path of the commit, submodules included.

    Raises:
        CaptureError: git cannot tell.
    """
    output = repository.git.read("ls-tree", "-r", "-z", "--full-tree", repository.commit or "HEAD")
    files = {}
    for record in os.fsdecode(output).split("\0"):
        if record:
            description, _, path = record.partition("\t")
            mode, _kind, blob = description.split(" ")
            files[path] = Committed(mode, blob)
    return files


@contextmanager
def private_index(repository: Repository, listing: Listing, *, distrusted: bool) -> Iterator[dict[str, str]]:
    """The variables that put a copy of the index in its place. In the copy no file is hidden from git.

    Args:
        repository: whose index is copied.
        listing: its files.
        distrusted: read every file, because the index vouches for bytes that differ from the
            commit's: the user's configuration converts them.
    """
    with tempfile.TemporaryDirectory(prefix="elsewhere-index-") as folder:
        copy = Path(folder) / "index"
        environment = {"GIT_INDEX_FILE": str(copy)}
        try:
            shutil.copy2(repository.folder / "index", copy)
        except FileNotFoundError:
            # No index yet: git takes that for an empty one, in the copy's place too.
            yield environment
            return
        hidden = [file.path for file in listing.tracked if file.hidden]
        seen = [path for path in hidden if os.path.lexists(repository.root / path)]
        if seen:
            for mark in ("--no-assume-unchanged", "--no-skip-worktree"):
                _update(repository, environment, seen, mark, "-z", "--stdin")
        if distrusted:
            # An index older than its files is one that git does not believe without reading them.
            os.utime(copy, (1, 1))
        yield environment


@contextmanager
def index_of_commit(repository: Repository) -> Iterator[dict[str, str]]:
    """The variables that put an index of the commit alone in the place of the user's."""
    with tempfile.TemporaryDirectory(prefix="elsewhere-index-") as folder:
        environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        repository.git.read("read-tree", repository.commit or "HEAD", environment=environment)
        yield environment


def conceal(
    repository: Repository,
    environment: Mapping[str, str],
    commit: Mapping[str, Committed],
    paths: Iterable[str],
) -> None:
    """Make ``paths`` look unchanged in the private index: they travel in another way, or not at all."""
    absent = "0" * len(repository.commit or "")
    known, records = [], []
    for path in sorted(set(paths)):
        file = commit.get(path)
        # Without a mode, what no commit holds is taken out.
        records.append(f"{file.mode} {file.blob}\t{path}" if file else f"0 {absent}\t{path}")
        if file:
            known.append(path)
    index = Path(environment["GIT_INDEX_FILE"])
    before = index.stat() if index.exists() else None
    _update(repository, environment, records, "-z", "--index-info")
    _update(repository, environment, known, "--assume-unchanged", "-z", "--stdin")
    if before is not None and index.exists():
        # Written anew it would look newer than files that git has not looked at, and vouch for them.
        os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def fed(records: Iterable[str], end: bytes = b"\0") -> Iterator[BinaryIO]:
    """An open file with the records, each with its ``end``, for a git process to read."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(b"".join(os.fsencode(record) + end for record in records))
        stdin.seek(0)
        yield stdin


def _update(
    repository: Repository, environment: Mapping[str, str], records: Sequence[str], *options: str
) -> None:
    if records:
        with fed(records) as stdin:
            repository.git.read("update-index", *options, environment=environment, stdin=stdin)
