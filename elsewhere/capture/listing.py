"""The files of a repository's working tree, as git sees them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elsewhere.capture.repository import Repository

Kind = Literal["file", "link", "submodule"]


@dataclass(frozen=True)
class TrackedFile:
    """A path in the index."""

    path: str
    """Relative to the root, with forward slashes; bytes that are no UTF-8 are surrogates."""
    kind: Kind
    hidden: bool
    """Marked assume-unchanged or skip-worktree: git would not look at the file."""
    executable: bool = False
    """By the index, whatever the file system says."""


@dataclass(frozen=True)
class Listing:
    """What git tracks, and what it neither tracks nor ignores. Paths are sorted."""

    tracked: tuple[TrackedFile, ...]
    untracked: tuple[str, ...]
    nested: tuple[str, ...]
    """Folders that are repositories of their own, and not tracked."""
    unmerged: tuple[str, ...] = ()
    """Paths in conflict."""

    def absent(self, root: Path) -> tuple[str, ...]:
        """What is not in the working tree at ``root``, though git takes it for unchanged.

        A folder of which nothing is there stands for all that is in it, with a slash at its end.
        """
        gone, there = [], {""}
        for file in self.tracked:
            if file.hidden and not os.path.lexists(root / file.path):
                gone.append(file.path)
            else:
                there.update(_folders(file.path))
        return tuple(dict.fromkeys(_outermost(path, there) for path in gone))

    @property
    def submodules(self) -> tuple[str, ...]:
        """Paths of the submodules."""
        return tuple(file.path for file in self.tracked if file.kind == "submodule")


def list_files(repository: Repository) -> Listing:
    """List the whole working tree, in one git process."""
    output = repository.git.read(
        "ls-files", "-z", "-v", "--stage", "--cached", "--others", "--exclude-standard"
    )
    tracked: dict[str, TrackedFile] = {}
    others: list[str] = []
    unmerged: set[str] = set()
    for record in os.fsdecode(output).split("\0"):
        if record.startswith("? "):
            others.append(record[2:])
        elif record:
            # A path in conflict stands there once for each side; one is enough.
            description, _, path = record.partition("\t")
            tag, mode, _hash, stage = description.split(" ")
            tracked[path] = TrackedFile(path, _kind(mode), tag == "S" or tag.islower(), mode == "100755")
            if stage != "0":
                unmerged.add(path)
    return Listing(
        tracked=tuple(sorted(tracked.values(), key=lambda file: file.path)),
        untracked=tuple(sorted(path for path in others if not path.endswith("/"))),
        nested=tuple(sorted(path.rstrip("/") for path in others if path.endswith("/"))),
        unmerged=tuple(sorted(unmerged)),
    )


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _outermost(path: str, there: set[str]) -> str:
    return next((f"{folder}/" for folder in _folders(path) if folder not in there), path)


def _kind(mode: str) -> Kind:
    if mode == "120000":
        return "link"
    return "submodule" if mode == "160000" else "file"
