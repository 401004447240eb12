"""``environment.yml``, by whichever of the conda programs is there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from agent.environment.listed import TREE
from agent.environment.origins.command import find_command, run_command
from agent.environment.recipe import Asked, Build, Recipe
from agent.environment.requirement_file import Requirements
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_NAMES: Final = ("environment.yml", "environment.yaml")
_ITEM: Final = re.compile(r"(?P<indent>\s*)-\s+(?P<quote>[\"']?)(?P<text>.*?)(?P=quote)\s*(?:\s#.*)?\Z")


class CondaFile:
    """An environment file of conda, mamba or micromamba."""

    kind = "requirements"

    def find(self, asked: Asked) -> Path | None:
        """The file."""
        return asked.find(*_NAMES)

    def read(self, asked: Asked, path: Path) -> Recipe:
        """The file, with the tree's own packages taken out of its part for pip."""
        title = asked.relative(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise BuildError(f"{title} cannot be read: {error}", "Is it in the repository?") from error
        gathered = Requirements(asked)
        lines = [line for raw in text.splitlines() for line in _without_the_tree(raw, gathered, path)]
        local = tuple(dict.fromkeys((*gathered.local, *asked.packages.local)))
        return Conda(title, "\n".join(lines) + "\n", local, asked.inside("."), tuple(gathered.evidence))


def _without_the_tree(raw: str, gathered: Requirements, path: Path) -> list[str]:
    """A line of the file; one that names files of the tree, as those files say it."""
    match = _ITEM.match(raw)
    if match is None or not match["text"].startswith(("-", ".")):
        return [raw]
    before = len(gathered.lines), len(gathered.options)
    gathered.add(match["text"], gathered.asked.relative(path), path.parent)
    added = gathered.lines[before[0] :] + gathered.options[before[1] :]
    return [
        f"{match['indent']}- {line!r}" if "'" not in line else f'{match["indent"]}- "{line}"'
        for line in added
    ]


@dataclass(frozen=True)
class Conda:
    """A recipe that a conda program carries out; its Python is one of the packages."""

    title: str
    text: str
    local: tuple[LocalPackage, ...]
    tree: Path
    evidence: tuple[tuple[str, str], ...] = ()
    """Files of the tree that it installs, with their hashes."""
    brings_python: bool = True
    pinned: bool = False

    def facts(self) -> list[object]:
        """The text: which of the programs reads it changes nothing."""
        return ["conda", self.text, sorted(self.evidence)]

    def fill(self, build: Build) -> Path:
        """The environment at the folder itself."""
        program = find_command(self.title, "micromamba", "mamba", "conda")
        folder = build.job.folder
        # The program makes the folder; the file must stand beside it.
        listed = folder.with_name(f"{folder.name}.yml")
        listed.write_text(self.text.replace(TREE, self.tree.as_uri()), encoding="utf-8")
        try:
            # Said by variables: not every version of these programs knows an option for it.
            job = replace(build.job, settings={"CONDA_ALWAYS_YES": "1", "MAMBA_ALWAYS_YES": "1"})
            run_command(command(program, folder, listed), job, folder.parent)
        finally:
            listed.unlink(missing_ok=True)
        if not (folder / "bin" / "python").exists():
            raise BuildError(f"{self.title} asks for no Python", "Add python to its dependencies.")
        return folder


def command(program: Path, folder: Path, listed: Path) -> list[str]:
    """The command line that makes ``folder`` of the file."""
    verb = ["create", "--yes"] if program.name == "micromamba" else ["env", "create"]
    return [os.fspath(program), *verb, "--prefix", os.fspath(folder), "--file", os.fspath(listed)]
