"""The workspace from nothing to complete, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent.disk import space_needed
from agent.removal import remove_tree
from agent.workspace import checkout, files, patch
from agent.workspace.repository import Repository
from elsewhere.contract.errors import WorkspaceError
from elsewhere.contract.spec import Blob, Source


def rebuild(
    source: Source,
    folder: Path,
    *,
    repositories: Path,
    fetch: Callable[[Blob], bytes],
    note: Callable[[str], None],
) -> None:
    """Make ``folder`` hold the tree that ``source`` describes.

    Leftovers of an earlier, killed rebuild in ``folder`` are removed first; a rebuild that
    fails removes ``folder``. May be called by many processes at once for different folders.

    Args:
        source: what to rebuild. Without a commit it is the untracked files alone.
        folder: the workspace; its parents are made where missing.
        repositories: where the bare repositories are cached, shared by all workspaces.
        fetch: gives the bytes of a blob.
        note: takes lines for the task's log.

    Raises:
        WorkspaceError: one of its subclasses: ``CommitNotFound``, ``DiffRejected``, ``UnsafeSource``.
        DiskFull: the disk of ``folder`` or of ``repositories`` is full.
    """
    began = time.monotonic()
    remove(folder, repositories)
    try:
        with space_needed(folder):
            folder.mkdir(parents=True)
            parts = _fill(source, folder, repositories, fetch, note)
    except BaseException as error:
        remove(folder, repositories)
        if isinstance(error, OSError):
            raise WorkspaceError(f"the workspace {folder} cannot be written: {error}") from error
        raise
    note(f"workspace rebuilt in {time.monotonic() - began:.2f} s: {', '.join(parts)}")


def remove(folder: Path, repositories: Path) -> None:
    """Remove a workspace, read-only folders in it included. One that is not there is no error.

    The cached repositories hold nothing about a workspace, so nothing changes there.

    Raises:
        WorkspaceError: it cannot be removed, or ``repositories`` lies inside ``folder``.
    """
    if repositories.absolute().is_relative_to(folder.absolute()):
        raise WorkspaceError(
            f"{folder} is no workspace: the cached repositories are in it", "Correct the agent's folders."
        )
    try:
        remove_tree(folder)
    except OSError as error:
        raise WorkspaceError(
            f"the workspace {folder} cannot be removed: {error.strerror} ({error.filename})",
            "Remove it by hand.",
        ) from error


def _fill(
    source: Source,
    folder: Path,
    repositories: Path,
    fetch: Callable[[Blob], bytes],
    note: Callable[[str], None],
) -> list[str]:
    parts = []
    if source.commit is not None:
        repository = Repository.of(source, repositories)
        # Afterwards the workspace itself shows that it borrows from there.
        with repository.hold():
            repository.obtain(source, fetch, note)
            checkout.check_out(repository, source.commit, folder, origin=source.repository)
        parts.append(f"commit {source.commit[:10]}")
        if source.diff is not None:
            changed = patch.apply(fetch(source.diff), folder, source.commit)
            parts.append(f"diff of {changed} files")
    elif source.diff is not None:
        raise WorkspaceError("the task has a diff, but no commit that it could apply to", "Submit it again.")
    if source.untracked is not None:
        laid = files.lay_over(fetch(source.untracked), folder)
        parts.append(f"{laid} untracked files")
    return parts or ["an empty folder"]
