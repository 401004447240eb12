"""What is to be installed over an image."""

from __future__ import annotations

from agent.environment import origins
from agent.environment.listed import Listed
from agent.environment.recipe import Asked
from elsewhere.contract.errors import BuildError

_INSTEAD = "Take what was recorded (origin `recorded`), or what the image has (origin `none`)."


def over_image(asked: Asked, origin: str) -> Listed | None:
    """The recipe of what a task asks for; None where the image's own packages are meant.

    Args:
        asked: the task's packages and its tree.
        origin: as ``origins.choose`` takes it, or ``existing:PATH``.

    Raises:
        BuildError: it cannot be followed, or makes whole interpreters, which the image has of its own.
    """
    if origin == "none":
        return None
    if origin.startswith("existing:"):
        raise BuildError("an environment of the agent's machine cannot be used in a container", _INSTEAD)
    recipe = origins.choose(asked, origin)
    if not isinstance(recipe, Listed):
        raise BuildError(
            f"{recipe.title} makes an environment of its own, and not one over an image", _INSTEAD
        )
    return recipe
