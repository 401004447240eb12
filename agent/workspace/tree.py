"""The workspace from nothing to complete, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.disk import space_needed
from agent.removal import remove_tree
from agent.workspace import checkout, files, lfs, patch
from agent.workspace.address import refuse_strange
from agent.workspace.config import GitConfig
from agent.workspace.repository import Repository
from agent.workspace.search import obtain
from agent.workspace.submodules import place_of, submodules_of
from elsewhere.contract.errors import WorkspaceError
from elsewhere.contract.spec import Blob, Source, Submodule


def rebuild(
    source: Source,
    folder: Path,
    *,
    repositories: Path,
    fetch: Callable[[Blob], bytes],
    note: Callable[[str], None],
    config: GitConfig | None = None,
) -> None:
    """Make ``folder`` hold the tree that ``source`` describes, submodules included.

    Leftovers of an earlier, killed rebuild in ``folder`` are removed first; a rebuild that
    fails removes ``folder``. May be called by many processes at once for different folders.

    Args:
        source: what to rebuild. Without a commit it is the untracked files alone.
        folder: the workspace; its parents are made where missing.
        repositories: where the bare repositories are cached, shared by all workspaces.
        fetch: gives the bytes of a blob.
        note: takes lines for the task's log.
        config: how repositories are got at; None means the defaults.

    Raises:
        WorkspaceError: one of its subclasses: ``CommitNotFound``, ``DiffRejected``, ``UnsafeSource``;
            itself where git-lfs is missing or does not get a file.
        DiskFull: the disk of ``folder`` or of ``repositories`` is full.
    """
    began = time.monotonic()
    remove(folder, repositories)
    work = _Rebuild(folder, repositories, fetch, note, config or GitConfig())
    try:
        with space_needed(folder):
            folder.mkdir(parents=True)
            parts = work.fill(source, folder)
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


@dataclass(frozen=True)
class _Rebuild:
    """One rebuild, of a repository and of all that are in it."""

    root: Path
    repositories: Path
    fetch: Callable[[Blob], bytes]
    note: Callable[[str], None]
    config: GitConfig

    def fill(self, source: Source, folder: Path) -> list[str]:
        """Fill the empty ``folder``, and return what it is made of, for people."""
        parts = []
        if source.commit is not None:
            parts += self._check_out(source, source.commit, folder)
        elif source.diff is not None or source.lfs is not None:
            raise WorkspaceError(
                "the task has a diff, but no commit that it could apply to", "Submit it again."
            )
        if source.diff is not None:
            changed = patch.apply(self.fetch(source.diff), folder, source.commit or "")
            parts.append(f"diff of {changed} files")
        if source.untracked is not None:
            laid = files.lay_over(self.fetch(source.untracked), folder)
            parts.append(f"{laid} untracked files")
        # After everything else: nothing of the outer tree is written into an inner one.
        for submodule in submodules_of(source, folder):
            self._fill_submodule(submodule, source, folder)
            parts.append(f"submodule {submodule.path}")
        return parts or ["an empty folder"]

    def _check_out(self, source: Source, commit: str, folder: Path) -> list[str]:
        repository = Repository.of(source, self.repositories)
        # Afterwards the workspace itself shows that it borrows from there.
        with repository.hold():
            obtain(repository, source, self.fetch, self.note, self.config)
            checkout.check_out(repository, commit, folder, origin=source.repository, absent=source.absent)
            if folder != self.root:
                checkout.borrow(self.root, repository)
            parts = [f"commit {commit[:10]}"]
            if source.lfs is not None:
                listed = self.fetch(source.lfs)
                filled = lfs.fill(listed, folder, repository, source.repository, self.config, self.note)
                parts.append(f"{filled} files of git-lfs")
        return parts

    def _fill_submodule(self, submodule: Submodule, outer: Source, folder: Path) -> None:
        inner = submodule.source
        if inner.repository is not None:
            refuse_strange(inner.repository, outer.repository, f"the submodule {submodule.path}", self.config)
        place = place_of(submodule, folder)
        try:
            self.fill(inner, place)
        except WorkspaceError as error:
            error.what = f"in the submodule {submodule.path}: {error.what}"
            raise
