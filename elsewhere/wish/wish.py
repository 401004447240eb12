"""What a user asks for over what was captured: an image to run in, and where packages come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Image, TaskSpec


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
