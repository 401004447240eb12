"""One repository's working tree, its submodules included, as a source and the bytes behind it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from elsewhere.capture.bundle import make_bundle, unpushed_objects
from elsewhere.capture.converted import Converted, find_converted
from elsewhere.capture.difference import Difference, read_difference
from elsewhere.capture.listing import Listing, list_files
from elsewhere.capture.path import printable
from elsewhere.capture.repository import Repository, find_repository
from elsewhere.capture.size import in_words
from elsewhere.capture.untracked import Untracked, pack
from elsewhere.capture.url import is_local
from elsewhere.contract.errors import BundleTooLarge, CaptureError, UntrackedTooLarge
from elsewhere.contract.spec import Blob, Source, Submodule

_LISTED = 5
"""How many paths a note names before it only counts them."""


@dataclass(frozen=True)
class Limits:
    """How many bytes may travel, of a repository and all submodules together."""

    untracked: int
    """Of files that no commit holds."""
    bundle: int
    """Of commits that no remote has."""


@dataclass(frozen=True)
class Snapshot:
    """A working tree, captured."""

    source: Source
    payloads: tuple[bytes, ...]
    """The bytes behind the source's blobs."""
    notes: tuple[str, ...]
    travelling: frozenset[str]
    """Tracked and untracked paths that will be in the rebuilt tree, without those of submodules."""
    left_out: frozenset[str]
    """Paths of the working tree that will not, though git does not ignore them."""
    untracked_size: int
    """Bytes of the files that no commit holds, those of submodules included."""


def take_snapshot(
    repository: Repository, limits: Limits, laid: Mapping[str, bytes] | None = None
) -> Snapshot:
    """Capture the working tree; before the first commit all files travel as untracked.

    What is ``laid``, by its path, is captured as if such files stood there.

    Raises:
        UntrackedTooLarge: over the limit.
        BundleTooLarge: over the limit.
        CaptureError: git cannot tell, or a merge is not finished.
    """
    snapshot = _take(repository, limits, laid)
    _require_within(repository, snapshot, limits)
    return snapshot


def note_on(sentence: str, paths: Sequence[str]) -> list[str]:
    """The note with the first few of ``paths`` for its ``{}``, or none where there are none."""
    if not paths:
        return []
    named = [printable(path) for path in paths[:_LISTED]]
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return [sentence.format(", ".join(named) + more)]


def blob_of(data: bytes | None) -> Blob | None:
    """The reference to ``data``, if there is any."""
    return None if data is None else Blob(hashlib.sha256(data).hexdigest(), len(data))


def _take(repository: Repository, limits: Limits, laid: Mapping[str, bytes] | None = None) -> Snapshot:
    listing = list_files(repository)
    _require_merged(repository, listing)
    bundle = make_bundle(repository, limits.bundle) if repository.commit else None
    difference, converted = _changes(repository, listing, all_is_pushed=bundle is None)
    carried = {*listing.untracked, *converted.whole, *difference.carried}
    if repository.commit is None:
        carried.update(file.path for file in listing.tracked if file.kind != "submodule")
    untracked = pack(repository.root, carried, limits.untracked, laid)
    filled = b"".join(os.fsencode(path) + b"\0" for path in sorted(converted.filled)) or None
    inner = _take_submodules(repository, listing, limits)
    blobs = (bundle, difference.patch, untracked.tar, filled)
    remote = repository.remote
    source = Source(
        repository=remote.url if remote else None,
        commit=repository.commit,
        branch=repository.branch,
        # Walks the whole history: asked for only where nothing else names the repository.
        identity=None if remote else repository.identity,
        bundle=blob_of(bundle),
        diff=blob_of(difference.patch),
        untracked=blob_of(untracked.tar),
        lfs=blob_of(filled),
        absent=tuple(path for path in listing.absent(repository.root) if printable(path) == path),
        submodules=tuple(Submodule(path, snapshot.source) for path, snapshot in inner),
    )
    payloads = tuple(data for data in blobs if data is not None)
    left_out = frozenset((*untracked.left_out, *difference.left_out))
    committed = {file.path for file in listing.tracked} if repository.commit else set()
    notes = _notes(repository, listing, difference, untracked, {path for path, _ in inner})
    return Snapshot(
        source,
        payloads + tuple(data for _, snapshot in inner for data in snapshot.payloads),
        (*notes, *(f"In the submodule {path}: {note}" for path, inside in inner for note in inside.notes)),
        frozenset((committed - left_out) | untracked.paths),
        left_out,
        untracked.size + sum(snapshot.untracked_size for _, snapshot in inner),
    )


def _changes(
    repository: Repository, listing: Listing, *, all_is_pushed: bool
) -> tuple[Difference, Converted]:
    if repository.commit is None:
        return Difference(None), Converted()
    converted = find_converted(
        repository, listing, lambda: frozenset() if all_is_pushed else unpushed_objects(repository)
    )
    return read_difference(repository, listing, converted.all), converted


def _require_merged(repository: Repository, listing: Listing) -> None:
    if listing.unmerged:
        (named,) = note_on("{}", listing.unmerged)
        raise CaptureError(
            f"A merge in {repository.root} is not finished; in conflict are {named}",
            "Resolve the conflicts and `git add` the files, then submit again.",
        )


def _take_submodules(repository: Repository, listing: Listing, limits: Limits) -> list[tuple[str, Snapshot]]:
    taken = []
    for path in listing.submodules:
        inner = _checked_out(repository, path)
        if inner is None:
            continue
        if printable(path) != path:
            raise CaptureError(
                f"The name of the submodule {printable(path)} is no UTF-8 text", "Give it another path."
            )
        taken.append((path, _take(inner, limits)))
    return taken


def _checked_out(repository: Repository, path: str) -> Repository | None:
    """The submodule's own repository, or None where its folder is empty."""
    folder = repository.root / path
    # Through a link it would be some other repository.
    if not os.path.lexists(folder / ".git") or folder.resolve() != folder:
        return None
    inner = find_repository(folder)
    if inner is None or inner.root != folder:
        return None
    if inner.remote is not None and is_local(inner.remote.url):
        # Only whoever sees the outer repository's path is asked to see one within.
        outer = repository.remote
        if outer is None or not is_local(outer.url):
            return replace(inner, remote=None)
    return inner


def _require_within(repository: Repository, snapshot: Snapshot, limits: Limits) -> None:
    """Each repository alone is within the limits by now; all together must be, too."""
    where = f"{repository.root} and its submodules"
    if snapshot.untracked_size > limits.untracked:
        raise UntrackedTooLarge(
            f"The files in {where} that no commit holds are {in_words(snapshot.untracked_size)} all in "
            f"all, over the limit of {in_words(limits.untracked)}",
            "Name what the run does not need in .gitignore, commit what it does, or raise "
            "ELSEWHERE_UNTRACKED_LIMIT (bytes).",
        )
    bundles = sum(source.bundle.size for source in _all_in(snapshot.source) if source.bundle)
    if bundles > limits.bundle:
        raise BundleTooLarge(
            f"The commits of {where} that no remote has are {in_words(bundles)} all in all, over the "
            f"limit of {in_words(limits.bundle)}",
            "Push them, or raise ELSEWHERE_BUNDLE_LIMIT (bytes).",
        )


def _all_in(source: Source) -> list[Source]:
    inner = [submodule.source for submodule in source.submodules or ()]
    return [source, *(found for one in inner for found in _all_in(one))]


def _notes(
    repository: Repository,
    listing: Listing,
    difference: Difference,
    untracked: Untracked,
    submodules: set[str],
) -> list[str]:
    notes = []
    remote = repository.remote
    if remote is not None and is_local(remote.url):
        notes.append(
            f"The remote {remote.name!r} is a path, {remote.url}: "
            "only agents that see the same files can fetch from it."
        )
    empty = [path for path in listing.submodules if path not in submodules]
    notes += note_on("Submodules that are not checked out here do not travel: {}", empty)
    notes += note_on("Folders that are git repositories of their own do not travel: {}", listing.nested)
    notes += note_on(
        "Uncommitted changes to the list of submodules do not travel; commit them: {}",
        difference.left_out,
    )
    notes += note_on(
        "Symbolic links that lead out of the tree, special or unreadable files and git's own that no "
        "commit holds do not travel: {}",
        untracked.left_out,
    )
    return notes
