"""The uncommitted difference: what the working tree changes on top of the commit."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elsewhere.capture.listing import Listing
from elsewhere.capture.path import printable
from elsewhere.capture.repository import Repository
from elsewhere.contract.errors import CaptureError

# Every option that the user's configuration could turn the other way is said here.
_OPTIONS = (
    "--patch", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
    "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0",
    "--diff-algorithm=myers", "--ignore-submodules=all", "--submodule=short", "-O/dev/null",
)  # fmt: skip

_SETTINGS = {
    # The bytes of the desk travel, not what git would make of them in a commit.
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    # Off, a file that was only touched would show as a header without a change.
    "diff.autoRefreshIndex": "true",
    "diff.suppressBlankEmpty": "false",
}

_SPECIAL_MODE = re.compile(
    rb"^(?:new file mode|deleted file mode|old mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) 1[26]0000$",
    re.MULTILINE,
)
_SUBMODULE_LIST = ".gitmodules"


@dataclass(frozen=True)
class Difference:
    """Uncommitted changes as one git patch.

    It applies to the commit's files as they are stored: check them out, and apply it, with
    ``core.autocrlf=false``.
    """

    patch: bytes | None
    """None where nothing is changed."""
    left_out: tuple[str, ...] = ()
    """Changed paths that are no part of the patch: symbolic links, and the list of submodules."""


def read_difference(repository: Repository, listing: Listing) -> Difference:
    """All changes to tracked files, staged and unstaged, against HEAD.

    Line ends that the repository's own ``.gitattributes`` normalises are told as git stores them.

    Raises:
        CaptureError: git cannot tell, or files stand where the commit has a symbolic link.
    """
    if repository.commit is None:
        raise CaptureError(f"{repository.root} has no commit yet, so there is nothing to compare with")
    with _private_index(repository, listing) as environment:
        patch = _diff(repository, environment)
        if not _SPECIAL_MODE.search(patch) and _SUBMODULE_LIST.encode() not in patch:
            return Difference(patch or None)
        # Whoever rebuilds a tree refuses links and submodules in a patch: they could lead out of it.
        changed, left_out = _changes(repository, environment)
        _require_room(repository, left_out, (*changed, *listing.untracked))
        if left_out:
            patch = _diff(repository, environment, left_out)
        return Difference(patch or None, left_out)


def _diff(repository: Repository, environment: Mapping[str, str], without: Sequence[str] = ()) -> bytes:
    paths = [":/", *(f":(top,exclude,literal){path}" for path in without)] if without else []
    return repository.git.read(
        "diff", *_OPTIONS, "HEAD", "--", *paths, settings=_SETTINGS, environment=environment
    )


def _changes(
    repository: Repository, environment: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths that changed and can be part of a patch, and those that cannot."""
    output = repository.git.read(
        "diff", "--raw", "-z", "--no-renames", "--no-relative", "--ignore-submodules=all", "HEAD", "--",
        settings=_SETTINGS, environment=environment,
    )  # fmt: skip
    fields = os.fsdecode(output).split("\0")
    plain: set[str] = set()
    special: set[str] = set()
    for modes, path in zip(fields[::2], fields[1::2], strict=False):
        old, new = modes.lstrip(":").split(" ")[:2]
        is_special = {old, new} & {"120000", "160000"} or path.rpartition("/")[2] == _SUBMODULE_LIST
        (special if is_special else plain).add(path)
    return tuple(sorted(plain)), tuple(sorted(special))


def _require_room(repository: Repository, left_out: Sequence[str], travelling: Sequence[str]) -> None:
    """Refuse what would have to be written over, or through, a link that stays as it was committed."""
    links = set(left_out)
    for path in travelling:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            if "/".join(parts[:end]) in links:
                link = printable("/".join(parts[:end]))
                raise CaptureError(
                    f"{link} in {repository.root} was committed as a symbolic link or submodule, and is "
                    "something else now: such a change does not travel uncommitted",
                    f"Commit it: git add {link} && git commit",
                )


@contextmanager
def _private_index(repository: Repository, listing: Listing) -> Iterator[dict[str, str]]:
    """Work on a copy of the index: the user's own is neither locked nor refreshed.

    In the copy no file is hidden from git, and where the user's configuration converts line
    ends, every file is read: the index would vouch for bytes that differ from the commit's.
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
            _unhide(repository, environment, seen)
        if repository.converts_line_ends:
            # An index older than its files is one that git does not believe without reading them.
            os.utime(copy, (1, 1))
        yield environment


def _unhide(repository: Repository, environment: Mapping[str, str], paths: Sequence[str]) -> None:
    for mark in ("--no-assume-unchanged", "--no-skip-worktree"):
        with tempfile.TemporaryFile() as stdin:
            stdin.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
            stdin.seek(0)
            repository.git.read("update-index", mark, "-z", "--stdin", environment=environment, stdin=stdin)
