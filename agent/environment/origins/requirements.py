"""``requirements.txt``, or the files that the task names, with all that they include."""

from __future__ import annotations

from pathlib import Path

from agent.environment.recipe import Asked, Recipe
from agent.environment.requirement_file import Requirements
from elsewhere.contract.errors import BuildError

_SUFFIXES = (".txt", ".in")


class RequirementFiles:
    """Requirement files of the tree."""

    kind = "requirements"

    def find(self, asked: Asked) -> Path | None:
        """The first of them."""
        if asked.tree is None:
            return None
        for path in asked.packages.requirements_files:
            if path.endswith(_SUFFIXES):
                return asked.inside(path)
        return asked.find("requirements.txt")

    def read(self, asked: Asked, path: Path) -> Recipe:
        """All of them as one recipe."""
        named = [file for file in asked.packages.requirements_files if file.endswith(_SUFFIXES)]
        gathered = Requirements(asked)
        for file in [asked.inside(name) for name in named] or [path]:
            if not file.is_file():
                raise BuildError(f"{asked.relative(file)} is not in the tree", "Is it ignored by git?")
            gathered.read(file)
        return gathered.recipe(", ".join(named) or asked.relative(path))
