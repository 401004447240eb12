"""Where an environment's packages come from: one file for each way, one protocol for all."""

from __future__ import annotations

from typing import Final

from agent.environment.config import check_origin
from agent.environment.origins.conda import CondaFile
from agent.environment.origins.pixi_lock import PixiLock
from agent.environment.origins.poetry_lock import PoetryLock
from agent.environment.origins.pyproject import Project
from agent.environment.origins.recorded import has_recorded, read_nothing, read_recorded
from agent.environment.origins.requirements import RequirementFiles
from agent.environment.origins.uv_lock import UvLock
from agent.environment.recipe import Asked, Origin, Recipe
from elsewhere.contract.errors import BuildError, ConfigurationError

IN_TREE: Final[tuple[Origin, ...]] = (
    UvLock(), PoetryLock(), PixiLock(), RequirementFiles(), CondaFile(), Project(),
)  # fmt: skip
"""In the order in which they are preferred: what says more exactly what is meant comes first."""


def choose(asked: Asked, origin: str) -> Recipe:
    """The recipe for what a task asks for.

    Args:
        asked: the task's packages and its tree.
        origin: ``recorded``, ``requirements``, ``lock``, ``none``, or "" for what was recorded and
            else for the first that the tree has. No process is started for it.

    Raises:
        BuildError: the tree has no such file, or one that cannot be followed.
    """
    try:
        check_origin(origin)
    except ConfigurationError as error:
        raise BuildError(error.what, error.next_step) from error
    if origin == "none":
        return read_nothing(asked)
    if origin == "recorded" or (not origin and has_recorded(asked.packages)):
        return read_recorded(asked)
    for one in IN_TREE:
        if origin in ("", one.kind):
            path = one.find(asked)
            if path is not None:
                return one.read(asked, path)
    if origin:
        raise BuildError(
            f"packages are to come from a {origin} file, and the tree has none that is known",
            "Name it, commit it, or take what was recorded (origin `recorded`).",
        )
    return read_recorded(asked)
