"""Submodules: which the tree has, where they come from, and where they may stand.

We check them out ourselves, as repositories in their places, and never run ``git submodule``: what
a tree's ``.gitmodules`` says can then name no command, no folder of git's own and no option.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from agent.workspace import git
from agent.workspace.address import resolved
from agent.workspace.path import refuse_links, refuse_unsafe
from elsewhere.contract.errors import UnsafeSource, WorkspaceError
from elsewhere.contract.spec import Source, Submodule

_LIST = ".gitmodules"
_ENTRY = re.compile(rb"submodule\.(.*)\.(path|url)\n(.*)\Z", re.DOTALL)


def submodules_of(source: Source, folder: Path) -> tuple[Submodule, ...]:
    """What ``source`` says of its submodules, or else what its commit, checked out in ``folder``, says.

    Raises:
        UnsafeSource: the list of submodules is none that git would follow.
        WorkspaceError: it cannot be read.
    """
    if source.submodules is not None:
        return source.submodules
    # Never a link: git itself refuses to check such a commit out.
    if source.commit is None or not (folder / _LIST).is_file():
        return ()
    commits = _gitlinks(folder)
    urls = _urls(folder)
    found = []
    for path, commit in commits.items():
        if path not in urls:
            raise WorkspaceError(
                f"the commit has a submodule {path!r}, and {_LIST} does not say where it comes from",
                f"Name it in {_LIST}, or remove it.",
            )
        url = resolved(urls[path], source.repository)
        found.append(Submodule(path, Source(repository=url, commit=commit)))
    return tuple(found)


def place_of(submodule: Submodule, folder: Path) -> Path:
    """The folder for ``submodule``: in the tree at ``folder``, made if missing, empty.

    Raises:
        UnsafeSource: its path leads somewhere else, or files stand there.
    """
    origin = "the list of submodules"
    path = submodule.path.encode(errors="surrogateescape")
    refuse_unsafe(path, origin)
    if any(part.startswith("-") for part in submodule.path.split("/")):
        raise UnsafeSource(f"{origin} names {submodule.path!r}, which looks like an option", "")
    refuse_links([path], folder, origin)
    place = folder / submodule.path
    try:
        place.mkdir(parents=True, exist_ok=True)
        empty = not any(place.iterdir())
    except (FileExistsError, NotADirectoryError):
        empty = False
    if not empty:
        raise UnsafeSource(f"{origin} names {submodule.path!r}, where files of the tree stand", "")
    return place


def _gitlinks(folder: Path) -> dict[str, str]:
    listed = git.local(["ls-files", "--stage", "-z"], git_dir=folder / ".git", work_tree=folder)
    found = {}
    for record in listed.output.split(b"\0"):
        description, _, path = record.partition(b"\t")
        if description.startswith(b"160000 "):
            found[os.fsdecode(path)] = description.split(b" ")[1].decode()
    return found


def _urls(folder: Path) -> dict[str, str]:
    """For each path that the list names, its URL."""
    command = ["config", "--no-includes", "--file", _LIST, "--null", "--list"]
    listed = git.local(command, git_dir=folder / ".git", work_tree=folder)
    if listed.code != 0:
        raise WorkspaceError(f"{_LIST} cannot be read: {listed.reason}", "Correct it, and commit that.")
    entries: dict[bytes, dict[bytes, str]] = {}
    for record in listed.output.split(b"\0"):
        match = _ENTRY.match(record)
        if match is None:
            continue
        if any(part == b".." for part in re.split(rb"[/\\]", match[1])):
            raise UnsafeSource(f"{_LIST} calls a submodule {os.fsdecode(match[1])!r}", "Rename it.")
        entry = entries.setdefault(match[1], {})
        if entry.setdefault(match[2], os.fsdecode(match[3])) != os.fsdecode(match[3]):
            raise UnsafeSource(f"{_LIST} says two things of {os.fsdecode(match[1])!r}", "Correct it.")
    return {entry[b"path"]: entry.get(b"url", "") for entry in entries.values() if b"path" in entry}
