"""The tree of files that a run needs: as a source that can be rebuilt, and the bytes behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elsewhere.capture.entry import Module, Script, Started
from elsewhere.capture.repository import Repository
from elsewhere.capture.script import carry_script
from elsewhere.capture.snapshot import Limits, Snapshot, blob_of, note_on, take_snapshot
from elsewhere.capture.untracked import pack
from elsewhere.contract.errors import CaptureError
from elsewhere.contract.spec import Entry, Source

__all__ = ["Tree", "capture_alone", "capture_repository", "note_on"]


@dataclass(frozen=True)
class Tree:
    """A tree at the desk, captured."""

    source: Source
    entry: Entry
    root: Path
    """At the desk: of the repository, or the folder of a lone script."""
    payloads: tuple[bytes, ...]
    """The bytes behind the source's blobs, those of submodules included."""
    notes: tuple[str, ...]


def capture_repository(
    repository: Repository, started: Started, untracked_limit: int, bundle_limit: int
) -> Tree:
    """Capture the working tree of a repository; before its first commit all files travel as untracked.

    Raises:
        UntrackedTooLarge: over ``untracked_limit`` bytes.
        BundleTooLarge: over ``bundle_limit`` bytes.
        CaptureError: git cannot tell, a merge is not finished, or what is started would not travel.
    """
    text = started.text if isinstance(started, Script) else None
    entry, notes = started.entry_in(repository.root)
    laid = {} if text is None else {entry.script: text}
    snapshot = take_snapshot(repository, Limits(untracked_limit, bundle_limit), laid)
    if started.path is not None and text is None:
        _require_travels(repository, started.path, snapshot)
    return Tree(snapshot.source, entry, repository.root, snapshot.payloads, (*notes, *snapshot.notes))


def capture_alone(started: Started, limit: int) -> Tree:
    """Capture what stands in no repository: one file travels, and nothing of an installed module.

    Raises:
        UntrackedTooLarge: the file is larger than ``limit`` bytes.
        CaptureError: it cannot be read, or is part of a package.
    """
    path = started.path
    if isinstance(started, Module):
        entry = Entry(started.name, "module", ".", started.arguments)
        if path is None:
            return Tree(Source(), entry, started.folder, (), ())
        if path.parent != started.folder:
            raise CaptureError(
                f"The module {started.name} in {started.folder} is in no git repository, and only "
                "single files travel without one",
                "Put it under git: git init (a commit is not needed).",
            )
    elif started.text is not None:
        return _written_alone(started, started.text, limit)
    else:
        # What a link leads to is what runs, under its own name: Python looks for imports beside it.
        path = started.path.resolve()
        entry = Entry(path.name, arguments=started.arguments)
    tar = carry_script(path, limit).tar
    source = Source(untracked=blob_of(tar), submodules=())
    payloads = () if tar is None else (tar,)
    note = f"{path} is in no git repository: it travels alone, and runs in a folder of its own."
    return Tree(source, entry, path.parent, payloads, (note,))


def _written_alone(started: Script, text: bytes, limit: int) -> Tree:
    path = started.path
    tar = pack(path.parent, (), limit, {path.name: text}).tar
    source = Source(untracked=blob_of(tar), submodules=())
    note = (
        f"{path.parent} is in no git repository: the script travels alone, and runs in a folder of its own."
    )
    payloads = () if tar is None else (tar,)
    entry = Entry(path.name, arguments=started.arguments)
    return Tree(source, entry, path.parent, payloads, (note, *started.notes))


def _require_travels(repository: Repository, path: Path, snapshot: Snapshot) -> None:
    relative = path.relative_to(repository.root).as_posix()
    if relative in snapshot.travelling:
        return
    if relative in snapshot.left_out:
        raise CaptureError(
            f"{path} is a symbolic link that leads out of {repository.root}, or cannot be read: "
            "it does not travel",
            "Submit the file that it leads to, or commit it.",
        )
    if any(relative.startswith(f"{submodule.path}/") for submodule in snapshot.source.submodules or ()):
        return
    raise CaptureError(
        f"{path} is ignored by git: it would not travel with the run",
        f"Take it out of .gitignore, or force it in: git add -f {relative}",
    )
