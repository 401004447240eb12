"""Environments of requirement lines, whatever the lines come from: a virtualenv, filled by uv or pip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from agent.environment.installer import Addition, Ended
from agent.environment.names import is_pinned, name_of
from agent.environment.recipe import Build
from agent.environment.skeleton import make_skeleton
from elsewhere.contract.spec import LocalPackage

RECORDED: Final = "the packages recorded at the desk"

ARCHIVES: Final = (".whl", ".tar.gz", ".zip", ".tar.bz2")

TREE: Final = "{tree}"
"""Stands for the workspace's folder in a line: the folder itself is another one in each attempt."""


@dataclass(frozen=True)
class Lines:
    """What pip's requirement files can say, in normal form."""

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """Index options, never with credentials, as they stand in a requirements file."""
    complete: bool = False
    """Whether the requirements are all that is to be installed, so that nothing is resolved."""
    hashed: bool = False
    """Whether each of them has its hash."""
    prerelease: bool = False
    sources: tuple[str, ...] = ()
    """Folders of the tree, as lines that name them, whose own needs only their build can tell."""

    def settings(self) -> dict[str, str]:
        """Variables that make an installer read the lines as pip would."""
        settings = {"UV_PRERELEASE": "allow", "PIP_PRE": "1"} if self.prerelease else {}
        indexes = any(option.startswith("--extra-index-url") for option in self.options)
        if indexes and not any(os.environ.get(name) for name in ("UV_INDEX_STRATEGY", "UV_INDEX")):
            # To pip all indexes are one, and whoever wrote the file relied on it: PyTorch's index has
            # old versions of many other packages. Where the agent has private indexes of its own, uv
            # keeps to the first that has a package, so that nobody outside can stand in for one.
            settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        return settings


@dataclass(frozen=True)
class Listed:
    """A recipe of requirement lines.

    Args:
        known: all that is known without a process.
        evidence: what else decides the content, such as the hash of a file that is read by ``late``.
        late: makes the lines when the environment is built; None where ``known`` is all.
        deferred: canonical names of packages that are built when the others are installed.
        local_names: canonical names of the tree's packages: never installed from an index.
    """

    title: str
    known: Lines
    tree: Path | None = None
    local: tuple[LocalPackage, ...] = ()
    local_names: frozenset[str] = frozenset()
    deferred: frozenset[str] = frozenset()
    evidence: tuple[tuple[str, str], ...] = ()
    late: Callable[[Build], Lines] | None = field(default=None, compare=False)
    brings_python: bool = False

    @property
    def pinned(self) -> bool:
        """Whether each line says one exact version or place."""
        return self.late is not None or all(is_pinned(line) for line in self.known.requirements)

    def facts(self) -> list[object]:
        """The lines, and the files behind them."""
        known = self.known
        facts: list[object] = [
            sorted(self._wanted(known)), sorted(known.constraints), sorted(known.sources),
            list(known.options), known.prerelease, sorted(self.evidence),
        ]  # fmt: skip
        deferred = sorted(self.deferred & {name_of(line) for line in known.requirements})
        return [*facts, deferred or (sorted(self.deferred) if self.late is not None else [])]

    def fill(self, build: Build) -> Path:
        """A virtualenv with the lines in it, in two passes where some are deferred."""
        folder = build.job.folder
        make_skeleton(folder, build.interpreter, build.app_data, seeded=build.installer.seeded)
        lines = self.known if self.late is None else self.late(build)
        build = replace(build, job=replace(build.job, settings=lines.settings()))
        wanted = self._wanted(lines)
        later = tuple(line for line in wanted if name_of(line) in self.deferred)
        first = replace(lines, requirements=tuple(line for line in wanted if line not in later))
        if first.requirements or first.sources:
            _Filling(self, build, first).run()
        if later:
            self._add_later(build, first, later)
        return folder

    def _wanted(self, lines: Lines) -> tuple[str, ...]:
        return tuple(line for line in lines.requirements if name_of(line) not in self.local_names)

    def _add_later(self, build: Build, first: Lines, later: tuple[str, ...]) -> None:
        """Build what needs the others to be there, and what they build with."""
        job = build.job
        names = ", ".join(sorted({name_of(line) for line in later}))
        job.note(f"second pass, without build isolation: {names}")
        constraints = self.write(job.folder / "constraints.txt", (*first.constraints, *_installed(build)))
        if not any(line.startswith("setuptools==") for line in _installed(build)):
            # In the environment, a package that says nothing of its build is built by it. One that
            # is built otherwise does not miss it, if no index has it.
            extra = self.write(job.folder / "build.in", ("setuptools", "wheel"))
            build.installer.add(job, Addition(extra, constraints))
        listed = self.write(job.folder / "later.in", (*first.options, *later))
        addition = Addition(
            listed, constraints, dependencies=not first.complete, isolated=False, hashed=first.hashed
        )
        ended = build.installer.add(job, addition)
        if ended.code != 0:
            raise ended.error(job)

    def write(self, path: Path, lines: tuple[str, ...]) -> Path:
        """``lines`` as a file, with this attempt's tree in them."""
        tree = "" if self.tree is None else self.tree.resolve().as_uri()
        path.write_text("".join(f"{line.replace(TREE, tree)}\n" for line in lines), encoding="utf-8")
        return path


def _installed(build: Build) -> tuple[str, ...]:
    from agent.environment.freeze import freeze, sites_of

    return tuple(line for line in freeze(sites_of(build.job.folder)) if "==" in line)


class _Filling:
    """The first pass: what was resolved before is installed at once, else it is resolved."""

    def __init__(self, recipe: Listed, build: Build, lines: Lines) -> None:
        self._recipe = recipe
        self._build = build
        self._lines = lines
        self._job = build.job

    def run(self) -> None:
        """Install the lines.

        Raises:
            BuildError: they cannot be installed.
        """
        if self._lines.complete:
            self._must(self._install_complete())
            return
        lock = self._build.lock
        if self._recipe.pinned and lock.exists():
            ended = self._sync(lock)
            if ended.code == 0:
                return
            if ended.unreachable:
                raise ended.error(self._job)
            self._job.note("the stored lock cannot be installed any more; resolving anew")
        self._resolve(lock)
        self._must(self._sync(lock))

    def _must(self, ended: Ended) -> None:
        if ended.code != 0:
            raise ended.error(self._job)

    def _install_complete(self) -> Ended:
        lines = (*self._lines.options, *self._lines.requirements)
        listed = self._recipe.write(self._job.folder / "requirements.in", lines)
        if self._lines.hashed:
            return self._build.installer.add(self._job, Addition(listed, hashed=True))
        return self._build.installer.sync(self._job, listed)

    def _sync(self, lock: Path) -> Ended:
        # Markers may rule every requirement out on this machine; installers refuse an empty list.
        lines = lock.read_text(encoding="utf-8").splitlines()
        if not any(line.strip() and not line.startswith("-") for line in lines):
            return Ended(0, ())
        return self._build.installer.sync(self._job, lock)

    def _resolve(self, lock: Path) -> None:
        """Write the lock; it appears complete or not at all."""
        lines = (*self._lines.options, *self._lines.requirements, *self._lines.sources)
        requirements = self._recipe.write(self._job.folder / "requirements.in", lines)
        draft = self._job.folder / "requirements.lock"
        draft.unlink(missing_ok=True)
        self._must(self._resolve_into(draft, requirements))
        self._keep_to_the_index(draft)
        lock.parent.mkdir(parents=True, exist_ok=True)
        beside = lock.with_suffix(".new")
        shutil.copyfile(draft, beside)
        beside.replace(lock)

    def _resolve_into(self, draft: Path, requirements: Path) -> Ended:
        installer, job = self._build.installer, self._job
        if not self._lines.constraints:
            return installer.resolve(job, requirements, None, draft)
        constraints = self._recipe.write(job.folder / "constraints.txt", self._lines.constraints)
        ended = installer.resolve(job, requirements, constraints, draft)
        # An index that was away says nothing against the constraints.
        if ended.code == 0 or ended.unreachable or not self._recipe_may_relax:
            return ended
        again = installer.resolve(job, requirements, None, draft)
        if again.code == 0:
            job.note(
                "the versions that were installed at the desk cannot all be had on this machine; "
                "what the requirements leave open was resolved anew"
            )
        return again

    @property
    def _recipe_may_relax(self) -> bool:
        """Only what a desk happened to have may be given up, not what a file demands."""
        return self._recipe.title == RECORDED

    def _keep_to_the_index(self, draft: Path) -> None:
        """Leave the tree's own packages out of the lock, and put the options in that it was made with."""
        tree = "" if self._recipe.tree is None else self._recipe.tree.resolve().as_uri()
        names = self._recipe.local_names
        kept = [
            line
            for line in draft.read_text(encoding="utf-8").splitlines()
            if not line.startswith("-e ")
            and name_of(line) not in names
            and not (tree and tree in line and not line.partition("#")[0].rstrip().endswith(ARCHIVES))
        ]
        self._recipe.write(draft, (*self._lines.options, *kept))
