"""``pixi.lock``, by pixi itself, in a folder of our own instead of the workspace."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.environment.origins.command import find_command, run_command
from agent.environment.recipe import Asked, Build, Recipe, digest
from agent.environment.toml import read_toml, table
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_PREFIX: Final = ".pixi/envs/default"


class PixiLock:
    """pixi's lock file with its manifest."""

    kind = "lock"

    def find(self, asked: Asked) -> Path | None:
        """The lock file, if a manifest is beside it."""
        path = asked.find("pixi.lock")
        return path if path is not None and _manifest(path.parent) is not None else None

    def read(self, asked: Asked, path: Path) -> Recipe:
        """Lock and manifest as they are."""
        manifest = _manifest(path.parent)
        assert manifest is not None  # noqa: S101 - `find` has seen it
        title = asked.relative(path)
        data = read_toml(manifest, asked.relative(manifest))
        section = data if manifest.name == "pixi.toml" else table(data, "tool", "pixi")
        local = tuple(_local(asked, path.parent, section))
        if local:
            names = ", ".join(package.path for package in local)
            raise BuildError(
                f"{title} locks packages of the repository itself ({names}), which pixi installs in place",
                "Take them out of pypi-dependencies: those installed at the desk travel with the task.",
            )
        return Pixi(title, path, manifest, asked.packages.local)


def _manifest(folder: Path) -> Path | None:
    if (folder / "pixi.toml").is_file():
        return folder / "pixi.toml"
    project = folder / "pyproject.toml"
    return project if project.is_file() and table(read_toml(project), "tool", "pixi") else None


def _local(asked: Asked, folder: Path, section: dict[str, Any]) -> list[LocalPackage]:
    found = []
    for value in table(section, "pypi-dependencies").values():
        if isinstance(value, dict) and isinstance(value.get("path"), str):
            path = asked.inside(folder / value["path"])
            found.append(LocalPackage(asked.relative(path), bool(value.get("editable"))))
    return found


@dataclass(frozen=True)
class Pixi:
    """A recipe that pixi carries out; its Python is one of the packages."""

    title: str
    lock: Path
    manifest: Path
    local: tuple[LocalPackage, ...]
    brings_python: bool = True
    pinned: bool = True

    def facts(self) -> list[object]:
        """Both files by content."""
        return ["pixi", digest(self.lock), self.manifest.name, digest(self.manifest)]

    def fill(self, build: Build) -> Path:
        """The default environment, below the folder; ``--locked`` refuses a lock that is out of step."""
        program = find_command(self.title, "pixi")
        folder = build.job.folder
        folder.mkdir(parents=True)
        for path in (self.lock, self.manifest):
            shutil.copyfile(path, folder / path.name)
        manifest = os.fspath(folder / self.manifest.name)
        run_command(
            [os.fspath(program), "install", "--locked", "--manifest-path", manifest], build.job, folder
        )
        prefix = folder / _PREFIX
        if not (prefix / "bin" / "python").exists():
            raise BuildError(f"{self.title} holds no Python", "Add python to its dependencies.")
        # Where those that look for the interpreter of an environment expect it.
        (folder / "bin").symlink_to(f"{_PREFIX}/bin")
        return prefix
