"""The tree of files that a run needs: as a source that can be rebuilt, and the bytes behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elsewhere.capture.bundle import make_bundle
from elsewhere.capture.difference import Difference, read_difference
from elsewhere.capture.entry import Module, Started
from elsewhere.capture.listing import Listing, list_files
from elsewhere.capture.path import printable
from elsewhere.capture.repository import Repository
from elsewhere.capture.script import carry_script
from elsewhere.capture.untracked import Untracked, pack
from elsewhere.capture.url import is_local
from elsewhere.contract.errors import CaptureError
from elsewhere.contract.spec import Blob, Entry, Source

_LISTED = 5
"""How many paths a note names before it only counts them."""


@dataclass(frozen=True)
class Tree:
    """A tree at the desk, captured."""

    source: Source
    entry: Entry
    root: Path
    """At the desk: of the repository, or the folder of a lone script."""
    payloads: tuple[bytes, ...]
    """The bytes behind the source's blobs: bundle, diff, untracked files, where there are any."""
    notes: tuple[str, ...]


def capture_repository(
    repository: Repository, started: Started, untracked_limit: int, bundle_limit: int
) -> Tree:
    """Capture the working tree of a repository; before its first commit all files travel as untracked.

    Raises:
        UntrackedTooLarge: over ``untracked_limit`` bytes.
        BundleTooLarge: over ``bundle_limit`` bytes.
        CaptureError: git cannot tell, or what is started would not travel.
    """
    listing = list_files(repository)
    if repository.commit is None:
        difference, bundle = Difference(None), None
        paths = (*(file.path for file in listing.tracked if file.kind != "submodule"), *listing.untracked)
    else:
        difference, paths = read_difference(repository, listing), listing.untracked
        bundle = make_bundle(repository, bundle_limit)
    untracked = pack(repository.root, paths, untracked_limit)
    entry, notes = started.entry_in(repository.root)
    if started.path is not None:
        _require_travels(repository, started.path, listing, difference, untracked)
    remote = repository.remote
    source = Source(
        repository=remote.url if remote else None,
        commit=repository.commit,
        branch=repository.branch,
        # Walks the whole history: asked for only where nothing else names the repository.
        identity=None if remote else repository.identity,
    )
    source, payloads = _with_payloads(source, bundle, difference.patch, untracked.tar)
    notes = (*notes, *_notes(repository, listing, difference, untracked))
    return Tree(source, entry, repository.root, payloads, notes)


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
    else:
        # What a link leads to is what runs, under its own name: Python looks for imports beside it.
        path = started.path.resolve()
        entry = Entry(path.name, arguments=started.arguments)
    source, payloads = _with_payloads(Source(), None, None, carry_script(path, limit).tar)
    note = f"{path} is in no git repository: it travels alone, and runs in a folder of its own."
    return Tree(source, entry, path.parent, payloads, (note,))


def note_on(sentence: str, paths: Sequence[str]) -> list[str]:
    """The note with the first few of ``paths`` for its ``{}``, or none where there are none."""
    if not paths:
        return []
    named = [printable(path) for path in paths[:_LISTED]]
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return [sentence.format(", ".join(named) + more)]


def _require_travels(
    repository: Repository, path: Path, listing: Listing, difference: Difference, untracked: Untracked
) -> None:
    relative = path.relative_to(repository.root).as_posix()
    in_commit = repository.commit is not None and relative not in difference.left_out
    if relative in untracked.paths or (in_commit and any(file.path == relative for file in listing.tracked)):
        return
    if relative in (*untracked.left_out, *difference.left_out):
        raise CaptureError(
            f"{path} is a symbolic link that no commit holds, or cannot be read: it does not travel",
            "Submit the file that it leads to, or commit it.",
        )
    raise CaptureError(
        f"{path} is ignored by git: it would not travel with the run",
        f"Take it out of .gitignore, or force it in: git add -f {relative}",
    )


def _with_payloads(
    source: Source, bundle: bytes | None, diff: bytes | None, untracked: bytes | None
) -> tuple[Source, tuple[bytes, ...]]:
    source = replace(source, bundle=_blob(bundle), diff=_blob(diff), untracked=_blob(untracked))
    return source, tuple(data for data in (bundle, diff, untracked) if data is not None)


def _blob(data: bytes | None) -> Blob | None:
    return None if data is None else Blob(hashlib.sha256(data).hexdigest(), len(data))


def _notes(
    repository: Repository, listing: Listing, difference: Difference, untracked: Untracked
) -> list[str]:
    notes = []
    remote = repository.remote
    if remote is not None and is_local(remote.url):
        notes.append(
            f"The remote {remote.name!r} is a path, {remote.url}: "
            "only agents that see the same files can fetch from it."
        )
    notes += note_on("Submodules do not travel: {}", listing.submodules)
    notes += note_on("Folders that are git repositories of their own do not travel: {}", listing.nested)
    notes += note_on(
        "Uncommitted changes to symbolic links and submodules do not travel; commit them: {}",
        difference.left_out,
    )
    notes += note_on(
        "Symbolic links, special or unreadable files and git's own that no commit holds do not travel: {}",
        untracked.left_out,
    )
    return notes
