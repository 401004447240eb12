"""What a user asks for over what was captured: an image to run in, and where packages come from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Image, Packages, TaskSpec

ORIGINS: Final = ("recorded", "requirements", "lock", "none")
"""Where packages may come from, beside ``existing:PATH``."""
ORIGINS_TO_CHOOSE: Final = (
    f"Choose one of {', '.join(ORIGINS)} or existing:PATH, its full path on the agent's machine."
)

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class Wish:
    """Asked for at a desk; everything that is left out stays as it was captured."""

    image: Image | None = None
    origin: str = ""
    requirements_files: tuple[str, ...] = ()
    """As the user named them, from the folder that the run starts in."""
    no_build_isolation: tuple[str, ...] = ()

    def fulfilled(
        self, spec: TaskSpec, root: Path | None = None, working_directory: Path | None = None
    ) -> TaskSpec:
        """The spec with all that is asked for.

        Args:
            spec: What was captured.
            root: Of the spec's tree where it stands here; None where it does not, and files are
                named from its root.
            working_directory: The folder that files are named from; None is this process's own.

        Raises:
            UsageError: a requirements file is not there, or not in the tree.
        """
        files = self.requirements_files
        if root is not None:
            files = tuple(_inside((working_directory or Path.cwd()) / name, root) for name in files)
        packages = replace(
            spec.packages,
            origin=self.origin or spec.packages.origin,
            requirements_files=files or spec.packages.requirements_files,
            no_build_isolation=self.no_build_isolation or spec.packages.no_build_isolation,
        )
        return replace(spec, packages=packages, image=self.image or spec.image)


def checked_image(name: str, arguments: str | Sequence[str] = (), setup_script: str = "") -> Image:
    """An image with the arguments of its container, as words or as a shell writes them in one text.

    Raises:
        UsageError: the name or the arguments cannot be understood.
    """
    if not name or name.startswith("-") or any(letter.isspace() for letter in name):
        raise UsageError(
            f"{name!r:.80} names no image", "Name one such as python:3.12 or registry/team/image."
        )
    try:
        words = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
    except ValueError as error:
        raise UsageError(
            f"the container's arguments cannot be read: {error}", "Quote them as in a shell."
        ) from None
    return Image(name, tuple(words), setup_script)


def is_origin(origin: str) -> bool:
    """Whether packages can come from there; "" leaves the choice to somebody else."""
    kind, _, path = origin.partition(":")
    # A path from the folder of a desk or of an agent would be another one on each machine.
    return not origin or origin in ORIGINS or (kind == "existing" and path.startswith(("/", "~")))


def checked_packages(
    origin: str = "", requirements_files: Sequence[str] = (), no_build_isolation: Sequence[str] = ()
) -> Packages:
    """The three fields of packages that users ask for; files alone mean the origin ``requirements``.

    Raises:
        UsageError: there is no such origin, it goes without files, or a name is none.
    """
    origin = origin or ("requirements" if requirements_files else "")
    if not is_origin(origin):
        raise UsageError(f"packages cannot come from {origin!r:.60}", ORIGINS_TO_CHOOSE)
    if requirements_files and origin != "requirements":
        raise UsageError(
            f"requirements files say nothing where packages come from {origin!r}",
            "Leave the files out, or take packages from requirements.",
        )
    for name in no_build_isolation:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r:.60} is no package's name", "Give a name alone, such as flash-attn.")
    return Packages(
        origin=origin,
        requirements_files=tuple(requirements_files),
        no_build_isolation=tuple(no_build_isolation),
    )


def _inside(path: Path, root: Path) -> str:
    # Of the last part only the folder is resolved: a link is a file of the tree like any other.
    place = path.parent.resolve() / path.name
    if not place.is_file():
        raise UsageError(f"{path} is not there", "Name requirements files from the folder you start in.")
    if not place.is_relative_to(root.resolve()):
        raise UsageError(
            f"{path} lies outside {root}, and does not travel with the run", "Copy it into the repository."
        )
    return place.relative_to(root.resolve()).as_posix()
