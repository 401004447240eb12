"""What every origin of packages promises: it reads what is there, and makes a recipe of it.

A new package manager is one file in ``origins``, with one class that keeps to ``Origin``, and
one line in its ``__init__``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.environment.installer import Installer, Job
from agent.environment.interpreter import Interpreter
from agent.environment.uv import Uv
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage, Packages


@dataclass(frozen=True)
class Asked:
    """What a task wants, and where to look. Nothing of it is ever executed to find a recipe."""

    packages: Packages
    tree: Path | None
    """The rebuilt workspace."""
    note: Callable[[str], None]
    no_build_isolation: frozenset[str] = frozenset()
    """Canonical names, the agent's and the task's."""
    own_index: bool = False
    """Whether the agent has an index of its own, which goes before one that a file names."""

    def find(self, *names: str) -> Path | None:
        """The file of one of these names that the task means; else the nearest to the script or the root."""
        if self.tree is None:
            return None
        meant = [path for path in self.packages.requirements_files if Path(path).name in names]
        recorded = [file.path for file in self.packages.files if Path(file.path).name in names]
        recorded.sort(key=lambda path: path.count("/"), reverse=True)
        for path in (*meant, *recorded, *names):
            file = self.inside(path)
            if file.is_file():
                return file
        return None

    def inside(self, path: str | Path) -> Path:
        """``path`` of the tree, in full.

        Raises:
            BuildError: it lies outside of the tree, and so did not travel with the task.
        """
        if self.tree is None:
            raise BuildError(f"there is no tree in which {path} could be", "Submit the task again.")
        root = self.tree.resolve()
        found = (root / path).resolve()
        if not found.is_relative_to(root):
            raise BuildError(
                f"{str(path)!r:.120} is asked for, which is not in the repository",
                "Only what is in the repository travels with a task: move it there, or ask for a release.",
            )
        return found

    def relative(self, path: Path) -> str:
        """``path`` as seen from the root of the tree, with forward slashes."""
        assert self.tree is not None  # noqa: S101 - there is a path in it
        return path.resolve().relative_to(self.tree.resolve()).as_posix()


@dataclass(frozen=True)
class Build:
    """One environment that is made, and what is at hand for it."""

    job: Job
    interpreter: Interpreter
    installer: Installer
    uv: Uv | None
    """The same, or None where it is another."""
    lock: Path
    """Where resolved lines are kept, for the day when the environment was removed and is asked for again."""
    app_data: Path
    """virtualenv's own cache."""


class Recipe(Protocol):
    """How to make an environment. It was found without a process, and so is its key."""

    @property
    def title(self) -> str:
        """Where the packages come from, in words."""
        ...

    @property
    def local(self) -> tuple[LocalPackage, ...]:
        """Packages of the tree, which go into the attempt's layer instead."""
        ...

    @property
    def brings_python(self) -> bool:
        """Whether an interpreter is among what it installs."""
        ...

    @property
    def pinned(self) -> bool:
        """Whether each requirement says one exact version or place."""
        ...

    def facts(self) -> list[object]:
        """Everything that decides what the environment holds, as JSON can hold it.

        The interpreter, unless it is brought, and the agent's indexes are added by others.
        """
        ...

    def fill(self, build: Build) -> Path:
        """Make the environment in ``build.job.folder`` and return its prefix, inside of it.

        The folder is not there yet. Called by one process at a time for each folder; what a
        failure leaves behind is removed by the caller.

        Raises:
            BuildError: it cannot be made.
            InstallerMissing: the program that ``build.installer`` stands for cannot be executed.
        """
        ...


class Origin(Protocol):
    """One way in which a tree says what it needs."""

    kind: str
    """``lock`` or ``requirements``: which of the two a person means with it."""

    def find(self, asked: Asked) -> Path | None:
        """The file of the tree that says so; None where there is none."""
        ...

    def read(self, asked: Asked, path: Path) -> Recipe:
        """The recipe in that file.

        Raises:
            BuildError: it cannot be followed; the message names the file.
        """
        ...


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        BuildError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BuildError(f"{path.name} cannot be read: {error.strerror}", "Submit the task again.") from error
