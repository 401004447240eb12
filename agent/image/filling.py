"""Fills an environment over an image: only with what the image does not have."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from agent.environment.installer import Addition, Ended, Installer
from agent.environment.interpreter import Interpreter
from agent.environment.listed import RECORDED, Lines, Listed
from agent.environment.names import name_of
from agent.environment.recipe import Build
from agent.environment.uv import Uv
from agent.image.environment import lay_out
from agent.image.interpreter import ImageInterpreter
from agent.image.provided import disagreeing, provided
from agent.image.workbench import ContainerJob

MOST_ROUNDS: Final = 5
"""How often packages of the image may turn out not to fit what is installed beside them."""


@dataclass(frozen=True)
class Filling:
    """One environment that is being made."""

    recipe: Listed
    interpreter: ImageInterpreter
    job: ContainerJob
    installer: Installer
    uv: Uv | None
    """The same, or None where it is another."""

    def run(self, lock: Path) -> None:
        """Install what the recipe asks for and the image does not give.

        What is installed may turn out to need another version of what the image gives: then
        that is installed, too, and all is made anew.

        Args:
            lock: where the resolved lines are kept for those who ask what was chosen.

        Raises:
            BuildError: it cannot be installed.
            InstallerMissing: the installer does not run in the image.
        """
        refused: frozenset[str] = frozenset()
        for _ in range(MOST_ROUNDS):
            self._begin()
            lines = self._lines(lock)
            given = provided(lines.requirements, lines.constraints, self.interpreter, refused)
            self._fill(lines, frozenset(given), lock)
            packages = self.job.folder / self.interpreter.purelib
            wrong = disagreeing(packages, given, self.interpreter.markers)
            if not wrong:
                return
            names = ", ".join(sorted(wrong))
            self.job.note(f"what was installed needs other versions than the image has of: {names}")
            refused |= wrong
        self.job.note("the packages of the image do not all agree with those that were installed")

    def _begin(self) -> None:
        folder = self.job.folder
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        lay_out(folder, self.interpreter)

    def _lines(self, lock: Path) -> Lines:
        if self.recipe.late is None:
            return self.recipe.known
        own = self.interpreter
        standin = Interpreter(Path(own.executable), own.implementation, own.version, own.platform)
        return self.recipe.late(Build(self.job, standin, self.installer, self.uv, lock, self.job.bench.cache))

    def _fill(self, lines: Lines, given: frozenset[str], lock: Path) -> None:
        recipe, folder = self.recipe, self.job.folder
        # The way to take a package out of a resolution that all versions of uv know.
        overrides = recipe.write(
            folder / "provided.txt", tuple(f'{name} ; python_version < "0"' for name in sorted(given))
        )
        job = replace(self.job, overrides=overrides, settings=lines.settings())
        left_out = given | recipe.local_names
        wanted = tuple(line for line in lines.requirements if name_of(line) not in left_out)
        later = tuple(line for line in wanted if name_of(line) in recipe.deferred)
        first = replace(lines, requirements=tuple(line for line in wanted if line not in later))
        if first.requirements or first.sources:
            _must(self._install(job, first, left_out, lock), job)
        if later:
            self._add_later(job, first, later)

    def _install(self, job: ContainerJob, lines: Lines, left_out: frozenset[str], lock: Path) -> Ended:
        recipe, folder = self.recipe, job.folder
        stated = recipe.write(
            folder / "requirements.in", (*lines.options, *lines.requirements, *lines.sources)
        )
        if lines.complete and lines.hashed:
            return self.installer.add(job, Addition(stated, hashed=True))
        draft = stated
        if not lines.complete:
            draft = folder / "requirements.lock"
            ended = self._resolve(job, lines, stated, draft)
            if ended.code != 0:
                return ended
            resolved = draft.read_text(encoding="utf-8").splitlines()
            recipe.write(draft, (*lines.options, *_without(resolved, left_out)))
        lock.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(draft, lock)
        if not any(_named(draft)):
            return Ended(0, ())
        return self.installer.sync(job, draft)

    def _resolve(self, job: ContainerJob, lines: Lines, stated: Path, draft: Path) -> Ended:
        if not lines.constraints:
            return self.installer.resolve(job, stated, None, draft)
        constraints = self.recipe.write(job.folder / "constraints.txt", lines.constraints)
        ended = self.installer.resolve(job, stated, constraints, draft)
        # Only what a desk happened to have may be given up; and an index that was away says nothing.
        if ended.code == 0 or ended.unreachable or self.recipe.title != RECORDED:
            return ended
        again = self.installer.resolve(job, stated, None, draft)
        if again.code == 0:
            job.note(
                "the versions that were installed at the desk cannot all be had for this image; "
                "what the requirements leave open was resolved anew"
            )
        return again

    def _add_later(self, job: ContainerJob, first: Lines, later: tuple[str, ...]) -> None:
        """Build what needs the others to be there."""
        job.note(f"second pass, without build isolation: {', '.join(sorted(map(name_of, later)))}")
        if "setuptools" not in self.interpreter.distributions:
            # A package that says nothing of its build is built by it.
            build = self.recipe.write(job.folder / "build.in", ("setuptools", "wheel"))
            self.installer.add(job, Addition(build))
        stated = self.recipe.write(job.folder / "later.in", (*first.options, *later))
        constraints = self.recipe.write(job.folder / "constraints.txt", first.constraints)
        addition = Addition(
            stated, constraints, dependencies=not first.complete, isolated=False, hashed=first.hashed
        )
        _must(self.installer.add(job, addition), job)


def _must(ended: Ended, job: ContainerJob) -> None:
    if ended.code != 0:
        raise ended.error(job)


def _without(lines: Iterable[str], names: frozenset[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if not line.startswith("-e ") and name_of(line) not in names)


def _named(path: Path) -> Iterable[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("-", "#")):
            yield line
