"""Fetches a task's image, when and if the machine's owner wants images fetched."""

from __future__ import annotations

from collections.abc import Callable

from agent.image.config import Pull
from elsewhere.contract.errors import ImageUnavailable
from executors.docker import Engine, ImageFacts
from executors.docker.image import inspect


def fetched(engine: Engine, name: str, pull: Pull, note: Callable[[str], None]) -> ImageFacts:
    """The image of that name.

    Args:
        engine: where it will be.
        name: as the policy gives it.
        pull: ``missing`` asks the registry for what the engine does not have, ``always`` for every
            task, ``never`` for none.
        note: is given lines about a pull.

    Raises:
        ImageUnavailable: it is not there, and its registry does not give it out or is not asked.
        EngineUnavailable: the engine does not answer.
    """
    if pull == "never":
        there = inspect(engine.client, name)
        if there is None:
            raise ImageUnavailable(
                f"the image {name} is not in the engine, and this agent pulls none",
                'Pull it there by hand, or have the agent\'s owner set pull = "missing" under [docker].',
            )
        return there
    # What is named by its content is never newer in the registry.
    if pull == "always" and "sha256:" not in name:
        engine.pull(name, note)
    return engine.find(name, note)
