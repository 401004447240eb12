"""What is cached for everybody: the environments and the repositories of a machine."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from agent import environment
from agent.workspace.repository import Repository

_ENVIRONMENT: Final = re.compile(r"[0-9a-f]{32}")
_REPOSITORY: Final = re.compile(r"[0-9a-f]{32}\.git")
_WORKSPACE: Final = re.compile(r"[^.].*")
_ALTERNATES: Final = Path(".git", "objects", "info", "alternates")
_MOST_BYTES: Final = 64 * 1024


class Shelf(Protocol):
    """One kind of thing that is cached, each a folder with a lock that its users share.

    An entry may be removed by whoever holds its lock alone and then finds it neither lent nor
    used meanwhile. All methods are safe while others use, build and remove entries.
    """

    kind: str
    """In the plural, as ``Swept`` counts them."""

    @property
    def folder(self) -> Path:
        """Where the entries stand."""
        ...

    def entries(self) -> list[Path]:
        """All that stands there, complete or not."""
        ...

    def last_used(self, entry: Path) -> float | None:
        """In seconds since the epoch; None for what is unfinished, of use to nobody."""
        ...

    def lock(self, entry: Path) -> Path:
        """The file whose lock the users of ``entry`` share."""
        ...

    def lent(self, entry: Path) -> bool:
        """Whether it is in use in a way that its lock does not show."""
        ...


@dataclass(frozen=True)
class EnvironmentShelf:
    """Built environments. An attempt shares the lock of its own until its script has ended."""

    folder: Path
    kind = "environments"

    def entries(self) -> list[Path]:
        """Also what a killed build has left."""
        return _folders_named(self.folder, _ENVIRONMENT)

    def last_used(self, entry: Path) -> float | None:
        """When an attempt began or ended with it."""
        return environment.last_used(entry)

    def lock(self, entry: Path) -> Path:
        """Taken alone by its builder, too."""
        return environment.lock_of(entry)

    def lent(self, entry: Path) -> bool:  # noqa: ARG002 - the protocol's
        """Never: all users hold the lock."""
        return False


@dataclass(frozen=True)
class RepositoryShelf:
    """Bare repositories. A rebuild shares the lock; afterwards its workspace borrows the objects."""

    folder: Path
    workspaces: Path
    kind = "repositories"

    def entries(self) -> list[Path]:
        """One for each origin."""
        return _folders_named(self.folder, _REPOSITORY)

    def last_used(self, entry: Path) -> float | None:
        """When a workspace was last checked out of it."""
        for path in (Repository(entry).use_lock, entry):
            try:
                return path.stat().st_mtime
            except FileNotFoundError:
                continue
        return None

    def lock(self, entry: Path) -> Path:
        """Not the lock of a fetch, which waits for nobody who only reads."""
        return Repository(entry).use_lock

    def lent(self, entry: Path) -> bool:
        """Whether a workspace borrows from it, by whatever path it gets there."""
        return any(
            entry.name in _borrowed(workspace) for workspace in _folders_named(self.workspaces, _WORKSPACE)
        )


def _folders_named(folder: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            return [
                Path(entry.path)
                for entry in found
                if name.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []


def _borrowed(workspace: Path) -> set[str]:
    """Names of the repositories whose objects ``workspace`` uses."""
    try:
        # The file belongs to the user's script: it may be a link or a pipe by now.
        descriptor = os.open(workspace / _ALTERNATES, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return set()
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return set()
        lines = os.fsdecode(os.read(descriptor, _MOST_BYTES)).splitlines()
    finally:
        os.close(descriptor)
    return {Path(line).parent.name for line in lines}
