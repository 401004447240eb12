"""``pyproject.toml`` or ``setup.py`` where no lock file or requirements file is beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.environment.project import is_package
from agent.environment.recipe import Asked, Recipe
from agent.environment.requirement_file import Requirements
from agent.environment.toml import read_toml, table
from elsewhere.contract.spec import LocalPackage


class Project:
    """The project itself and what it needs, as ``pip install -e .`` would have it."""

    kind = "requirements"

    def find(self, asked: Asked) -> Path | None:
        """The project's file, if it says something that can be installed."""
        path = asked.find("pyproject.toml", "setup.py")
        return path if path is not None and is_package(path.parent) else None

    def read(self, asked: Asked, path: Path) -> Recipe:
        """Its dependencies, and itself for the layer."""
        gathered = Requirements(asked)
        gathered.local.append(LocalPackage(asked.relative(path.parent)))
        recipe = gathered.recipe(asked.relative(path))
        if path.name == "pyproject.toml" and not builds(path):
            # Dependencies without a build: a folder of scripts, and nothing to install of its own.
            own = asked.relative(path.parent)
            kept = tuple(package for package in recipe.local if package.path != own)
            return replace(recipe, local=kept)
        return recipe


def builds(path: Path) -> bool:
    """Whether the project of a ``pyproject.toml`` is a package, and not scripts with dependencies."""
    data = read_toml(path)
    if table(data, "tool", "poetry").get("package-mode") is False:
        return False
    return "build-system" in data or (path.parent / "setup.py").is_file()
