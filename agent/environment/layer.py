"""The attempt's own layer over a shared environment: the packages that its tree has itself.

They are installed from the workspace, editable ones as links into it, so the layer belongs to
one attempt and goes with its workspace. What it holds hardly ever changes from one attempt to
the next, though: it is kept under the hash of all that decides it, and copied with the new
workspace's path in it, without any installer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.disk import space_needed
from agent.environment.environment import Environment
from agent.environment.evidence import Evidence, listing, made_by_build
from agent.environment.installer import Addition, Installer, Job
from agent.environment.kept import Kept
from agent.environment.project import is_package, said_name
from agent.removal import remove_tree
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_FORMAT: Final = 1


def place_of(tree: Path) -> Path:
    """Where the layer of a workspace is.

    In git's own folder: the one place in a tree that no tool looks into, and that is removed,
    mounted and moved with the workspace by everyone who handles those.
    """
    git = tree / ".git"
    return (git if git.is_dir() else tree) / ".elsewhere-layer"


@dataclass(frozen=True)
class Layers:
    """Makes the layers of one environment's attempts.

    Args:
        environment: what they lie over.
        folder: where finished ones are kept.
        job: how an installer is run.
        installer: is called when it is certain that one is needed.
        unisolated: canonical names of packages that are built with the environment in sight.
    """

    environment: Environment
    folder: Path
    job: Job
    installer: Callable[[], Installer]
    unisolated: frozenset[str]

    def lay(self, local: tuple[LocalPackage, ...], tree: Path, evidence: Evidence) -> Path:
        """The layer with ``local`` packages of ``tree``.

        Args:
            local: at least one.
            tree: the workspace.
            evidence: of them, taken before anything was built in the workspace.

        Raises:
            BuildError: one of the packages cannot be built.
            DiskFull: there is no space for it.
        """
        tree = tree.resolve()
        target = place_of(tree)
        remove_tree(target)
        for package in local:
            _check(tree, package)
        with space_needed(target):
            if evidence.digest is None:
                self._make(local, tree, target, evidence)
                return target
            kept = Kept(self.folder, self._key(local, evidence))
            if kept.restore(target, tree):
                names = ", ".join(package.path for package in local)
                self.job.note(f"the tree's own packages ({names}) reused")
                return target
            made = self._make(local, tree, target, evidence)
            # What a build leaves in the tree is only known to be the same next time where the
            # whole tree decides. Where that was not foreseen, it is simply built again.
            if evidence.whole or not made:
                with suppress(OSError):
                    kept.save(target, tree, made)
            return target

    def _make(
        self, local: tuple[LocalPackage, ...], tree: Path, target: Path, evidence: Evidence
    ) -> list[Path]:
        """Install them, and return what their builds have left in the tree."""
        self.job.note(f"installing from the tree: {', '.join(package.path for package in local)}")
        target.mkdir(parents=True)
        first = [package for package in local if said_name(tree / package.path) not in self.unisolated]
        rest = [package for package in local if package not in first]
        try:
            for packages, isolated in ((first, True), (rest, False)):
                if packages:
                    self._install(packages, tree, target, isolated=isolated)
        except BaseException:
            remove_tree(target)
            raise
        editable = [tree / package.path for package in local if package.editable]
        return made_by_build(evidence.before, listing(tree), editable)

    def _install(self, local: list[LocalPackage], tree: Path, target: Path, *, isolated: bool) -> None:
        listed = target / "layer.in"
        lines = [f"{'-e ' if one.editable else ''}{(tree / one.path).as_uri()}\n" for one in local]
        listed.write_text("".join(lines), encoding="utf-8")
        addition = Addition(listed, prefix=target, dependencies=False, isolated=isolated)
        ended = self.installer().add(self.job, addition)
        listed.unlink()
        if ended.code != 0:
            self.job.note("a package of the tree itself cannot be installed")
            raise ended.error(self.job)

    def _key(self, local: tuple[LocalPackage, ...], evidence: Evidence) -> str:
        base = [self.environment.key, str(self.environment.python), self.environment.version]
        what = [[package.path, package.editable] for package in local]
        facts = [_FORMAT, base, what, evidence.digest]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _check(tree: Path, package: LocalPackage) -> None:
    folder = (tree / package.path).resolve()
    if not folder.is_relative_to(tree) or not is_package(folder):
        raise BuildError(
            f"{package.path!r:.120} is no package of the tree: no pyproject.toml or setup.py is there",
            "Is it ignored by git?",
        )
