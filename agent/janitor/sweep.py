"""One round of the janitor, told once and in order."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.janitor.config import JanitorConfig
from agent.janitor.leftovers import abandoned_states, abandoned_workspaces
from agent.janitor.shelf import EnvironmentShelf, RepositoryShelf, Shelf
from agent.janitor.trash import delete, discard, own_bytes, trash_in
from agent.lock import locked, locked_if_free
from elsewhere.settings import Folders

_LITTLE: Final = 1024 * 1024
"""Removing what frees less helps no full disk, and costs its users a rebuild."""


@dataclass(frozen=True)
class Swept:
    """What one round has removed."""

    workspaces: int = 0
    attempts: int = 0
    """State folders of attempts that nobody will care for any more."""
    environments: int = 0
    repositories: int = 0
    freed_bytes: int = 0
    missing_bytes: int = 0
    """What is still missing to the free space that is asked for: all else is in use, or not ours."""
    failed: tuple[str, ...] = ()
    """What could not be removed, each with its reason; it is tried again in each round."""
    busy: bool = False
    """Another janitor is at it: nothing was done."""

    @property
    def removed(self) -> int:
        """How many things were removed."""
        return self.workspaces + self.attempts + self.environments + self.repositories


def sweep(folders: Folders, config: JanitorConfig, *, wait: bool = False) -> Swept:
    """Go round once: finish old trash, remove leftovers, then what is over the thresholds.

    Blocks as long as that takes. May be called by any number of processes at once: one goes
    round, the others return ``busy``, or with ``wait`` go round after it. Nothing in use is
    removed, and a kill at any instant leaves at most trash for the next round.

    Never in a process that holds a ``Presence``, see ``agent.presence.is_present``.

    Raises:
        OSError: the folders cannot be read, or their file system knows no locks.
    """
    with _alone(folders.cache / "janitor.lock", wait) as alone:
        return _Round(folders, config).go() if alone else Swept(busy=True)


class _Round:
    def __init__(self, folders: Folders, config: JanitorConfig) -> None:
        self._folders = folders
        self._config = config
        self._environments = EnvironmentShelf(folders.environments)
        self._repositories = RepositoryShelf(folders.repositories, folders.workspaces)
        self._shelves: tuple[Shelf, Shelf] = (self._environments, self._repositories)
        self._counts: Counter[str] = Counter()
        self._freed = 0
        self._failed: list[str] = []

    def go(self) -> Swept:
        self._finish_trash()
        self._remove_leftovers()
        self._remove_unfinished()
        self._keep_count(self._environments, self._config.max_environments)
        self._keep_count(self._repositories, self._config.max_repositories)
        self._keep_space()
        return Swept(
            workspaces=self._counts["workspaces"],
            attempts=self._counts["attempts"],
            environments=self._counts[self._environments.kind],
            repositories=self._counts[self._repositories.kind],
            freed_bytes=self._freed,
            missing_bytes=max(0, *(self._missing(shelf) for shelf in self._shelves)),
            failed=tuple(self._failed),
        )

    def _finish_trash(self) -> None:
        folders = self._folders
        for folder in (
            folders.workspaces,
            folders.environments,
            folders.repositories,
            *folders.agents.glob("*"),
        ):
            for trash in trash_in(folder):
                self._delete(trash)

    def _remove_leftovers(self) -> None:
        config, agents = self._config, self._folders.agents
        for state in abandoned_states(agents, config.state_seconds):
            # Out of the folder where a daemon that comes back looks for attempts.
            self._discard("attempts", state.folder, into=state.folder.parent.parent)
        for path in abandoned_workspaces(self._folders.workspaces, agents, config.workspace_seconds):
            self._discard("workspaces", path)

    def _remove_unfinished(self) -> None:
        for entry in self._environments.entries():
            if self._environments.last_used(entry) is None:
                self._remove(self._environments, entry, None)

    def _keep_count(self, shelf: Shelf, most: int) -> None:
        excess = len(shelf.entries()) - most
        for used, entry in self._idle(shelf):
            if excess <= 0:
                return
            excess -= self._remove(shelf, entry, used)

    def _keep_space(self) -> None:
        """Across both kinds, the least recently used first, until there is space enough."""
        candidates = [(used, entry, shelf) for shelf in self._shelves for used, entry in self._idle(shelf)]
        for used, entry, shelf in sorted(candidates, key=lambda candidate: candidate[:2]):
            if self._missing(shelf) > 0 and own_bytes(entry) >= _LITTLE:
                self._remove(shelf, entry, used)

    def _idle(self, shelf: Shelf) -> list[tuple[float, Path]]:
        """The complete entries that were not used lately, the least recently used first."""
        latest = time.time() - self._config.idle_seconds
        used = ((shelf.last_used(entry), entry) for entry in shelf.entries())
        return sorted((moment, entry) for moment, entry in used if moment is not None and moment <= latest)

    def _missing(self, shelf: Shelf) -> int:
        return self._config.min_free_bytes - _free_bytes(shelf.folder)

    def _remove(self, shelf: Shelf, entry: Path, used: float | None) -> bool:
        """Remove ``entry``, last seen ``used``, if nobody uses it now or has since; whether it is gone."""
        with ExitStack() as holding:
            try:
                alone = holding.enter_context(locked_if_free(shelf.lock(entry)))
            except OSError as error:
                self._fail(entry, error)
                return False
            if not alone or shelf.last_used(entry) != used or shelf.lent(entry):
                return False
            trash = self._set_aside(entry, entry.parent)
        # Not under the lock: whoever waits to build it anew need not wait for the deletion.
        return trash is not None and self._count(shelf.kind, trash)

    def _discard(self, kind: str, path: Path, into: Path | None = None) -> None:
        trash = self._set_aside(path, into or path.parent)
        if trash is not None:
            self._count(kind, trash)

    def _set_aside(self, path: Path, into: Path) -> Path | None:
        try:
            return discard(path, into)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._fail(path, error)
            return None

    def _count(self, kind: str, trash: Path) -> bool:
        self._counts[kind] += 1
        self._delete(trash)
        return True

    def _delete(self, trash: Path) -> None:
        try:
            self._freed += delete(trash)
        except OSError as error:
            self._fail(trash, error)

    def _fail(self, path: Path, error: OSError) -> None:
        self._failed.append(f"{error.filename or path}: {error.strerror or error}")


@contextmanager
def _alone(lock: Path, wait: bool) -> Iterator[bool]:
    with ExitStack() as holding:
        try:
            if wait:
                holding.enter_context(locked(lock))
                alone = True
            else:
                alone = holding.enter_context(locked_if_free(lock))
        except OSError as error:
            # The disk may be too full for one more name, and this is who can help. Two janitors
            # at once do each other no harm: this lock only saves them double work.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            alone = True
        yield alone


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
