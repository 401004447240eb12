"""The packages that were recorded at the desk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.environment.listed import RECORDED, Listed
from agent.environment.names import normalised, pins
from agent.environment.recipe import Asked
from agent.environment.requirement_file import Requirements
from elsewhere.contract.spec import Packages


def has_recorded(packages: Packages) -> bool:
    """Whether a desk has looked at what the run needs, be it nothing."""
    return bool(packages.requirements or packages.freeze or packages.local)


def read_recorded(asked: Asked) -> Listed:
    """The recorded lines, and what was installed beside them as constraints.

    Raises:
        BuildError: a line cannot be followed.
    """
    gathered = Requirements(asked)
    for line in normalised(asked.packages.requirements):
        gathered.add(line, RECORDED, asked.tree or Path("/"))
    recipe = gathered.recipe(RECORDED)
    # Nothing to install needs no constraints: all such tasks share one environment.
    wanted = recipe.known.requirements or recipe.known.sources
    return replace(
        recipe, known=replace(recipe.known, constraints=pins(asked.packages.freeze) if wanted else ())
    )


def read_nothing(asked: Asked) -> Listed:
    """An environment without packages: all tasks that want none share it."""
    return Requirements(replace(asked, packages=Packages(), tree=None)).recipe("no packages")
