"""What is to be installed over an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.environment.config import PackagesConfig
from agent.environment.index import Index
from agent.environment.listed import Listed
from agent.environment.names import canonical
from agent.environment.origins.recorded import has_recorded, read_recorded
from agent.environment.recipe import Asked
from agent.image.config import ImageConfig
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import Packages


def asked_recipe(
    packages: Packages,
    tree: Path,
    config: PackagesConfig,
    image: ImageConfig,
    index: Index,
    note: Callable[[str], None],
) -> Listed | None:
    """The recipe of what the task asks for; None where the image's own packages are meant.

    Raises:
        BuildError: it cannot be followed, or not over an image.
    """
    origin = config.origin or packages.origin
    if image.packages == "image-only" or origin == "none":
        return None
    names = frozenset(canonical(name) for name in (*config.no_build_isolation, *packages.no_build_isolation))
    asked = Asked(packages, tree, note, names, index.is_own)
    if origin == "recorded" or (not origin and has_recorded(packages)):
        return read_recorded(asked)
    raise BuildError(
        f"packages cannot come from {origin} in a container",
        "Take what was recorded (origin `recorded`), or what the image has (origin `none`).",
    )
