"""How a run is started: its script or module, where, and with which arguments."""

from __future__ import annotations

import difflib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from elsewhere.capture.notebook import SUFFIX, convert, script_name
from elsewhere.capture.path import printable
from elsewhere.contract.errors import CaptureError, ScriptMissing
from elsewhere.contract.spec import Entry


@dataclass(frozen=True)
class Script:
    """A file that is run as ``python path``."""

    path: Path
    """Absolute; its folder has no symbolic links, itself it may be one."""
    working_directory: Path
    arguments: tuple[str, ...]
    text: bytes | None = None
    """What it holds, where no such file stands at the desk: it is written from a notebook or a prompt."""
    notes: tuple[str, ...] = ()
    """What the person should know of how it was written."""

    @property
    def folder(self) -> Path:
        """The folder that Python puts first on the path, and whose repository is captured."""
        return self.path.parent

    def entry_in(self, root: Path) -> tuple[Entry, tuple[str, ...]]:
        """The entry in a tree, and a warning where the working directory cannot be kept."""
        folder = self.working_directory
        notes = self.notes
        if not folder.is_relative_to(root):
            folder = self.path.parent
            notes = (
                *notes,
                f"The working directory {self.working_directory} is outside of {root}: "
                "elsewhere the run starts in the script's own folder.",
            )
        entry = Entry(
            script=self.path.relative_to(root).as_posix(),
            working_directory=folder.relative_to(root).as_posix(),
            arguments=self.arguments,
        )
        return entry, notes


@dataclass(frozen=True)
class Module:
    """A module that is run as ``python -m name``."""

    name: str
    path: Path | None
    """Its file below the working directory; None where an installed module is meant."""
    working_directory: Path
    arguments: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder that Python puts first on the path, and whose repository is captured."""
        return self.working_directory

    def entry_in(self, root: Path) -> tuple[Entry, tuple[str, ...]]:
        """The entry in a tree that holds the working directory; it never needs a warning."""
        folder = self.working_directory.relative_to(root).as_posix()
        return Entry(self.name, "module", folder, self.arguments), ()


Started = Union[Script, Module]
"""What is started."""


def find_script(script: Path | str, working_directory: Path, arguments: tuple[str, ...]) -> Script:
    """Find a script as Python would: a relative path is relative to the working directory.

    A notebook's code cells are a script beside it.

    Raises:
        ScriptMissing: there is no such file; the message names close ones.
        CaptureError: it is a notebook that cannot be read, or one of another language.
    """
    given = working_directory / script
    path = given.parent.resolve() / given.name
    if path.is_dir():
        raise ScriptMissing(f"{printable(str(path))} is a folder, not a script", "Name the script in it.")
    if not path.is_file():
        raise ScriptMissing(f"There is no script {printable(str(path))}", _hint(path))
    if path.suffix == SUFFIX:
        return written(script_name(path.name), path.parent, working_directory, arguments, *convert(path))
    return Script(path, working_directory, arguments)


def written(
    name: str,
    folder: Path,
    working_directory: Path,
    arguments: tuple[str, ...],
    text: bytes,
    notes: tuple[str, ...] = (),
) -> Script:
    """The script ``name`` as if it stood in ``folder``; under another name where a file has that one."""
    stem, _, suffix = name.rpartition(".")
    names = itertools.chain([name], (f"{stem}-{number}.{suffix}" for number in itertools.count(2)))
    path = next(path for path in (folder / each for each in names) if not os.path.lexists(path))
    return Script(path, working_directory, arguments, text, notes)


def find_module(name: str, working_directory: Path, arguments: tuple[str, ...]) -> Module:
    """Find what ``python -m name`` would run from the working directory.

    Raises:
        ScriptMissing: ``name`` is no module's name, or the package of that name here has no such module.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise ScriptMissing(f"{name!r} is no module's name", "Give it with dots and without '.py'.")
    stem = working_directory.joinpath(*name.split("."))
    for path in (stem / "__main__.py", stem.with_name(stem.name + ".py")):
        if path.is_file():
            return Module(name, path, working_directory, arguments)
    # A package here goes before an installed one; its module may also be an extension.
    if (
        "." in name
        and (stem.parent / "__init__.py").is_file()
        and not list(stem.parent.glob(f"{stem.name}.*"))
    ):
        raise ScriptMissing(f"There is no module {name} to run", _hint(path))
    return Module(name, None, working_directory, arguments)


def require_text(entry: Entry) -> None:
    """Require that the entry can be stored.

    Raises:
        CaptureError: a path or argument of it holds bytes that are no UTF-8.
    """
    for part in (entry.script, entry.working_directory, *entry.arguments):
        if printable(part) != part:
            raise CaptureError(
                f"{printable(part)!r} is no UTF-8 text, and a run is started with nothing else",
                "Rename the file, or write the argument as text.",
            )


def _hint(path: Path) -> str:
    try:
        names = sorted(file.name for file in path.parent.glob("*.py"))
    except OSError:
        names = []
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5) or names[:3]
    return f"In that folder there is: {', '.join(close)}." if close else "Check the path."
