"""The files that a project says its dynamic fields are read from, mostly its version.

Nearly every project has one. Where that file is known, it decides what the whole tree would
have to decide otherwise, and a change anywhere else leaves the layer as it is.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Final

from agent.environment.toml import table, texts

_HARMLESS: Final = frozenset({"readme", "description"})
"""What no attempt looks at."""


def files_read(folder: Path, data: dict[str, Any]) -> list[Path] | None:
    """The files behind the dynamic fields of the project in ``folder``; None where they are not known."""
    found: list[Path] = []
    for name in set(texts(table(data, "project").get("dynamic"))) - _HARMLESS:
        files = _files_of(name, folder, data)
        if files is None:
            return None
        found += files
    return found


def _files_of(name: str, folder: Path, data: dict[str, Any]) -> list[Path] | None:
    backend = str(table(data, "build-system").get("build-backend", "")).partition(".")[0]
    tool = table(data, "tool")
    if backend == "setuptools":
        return _of_setuptools(table(tool, "setuptools", "dynamic", name), folder)
    if name != "version":
        return None
    if backend == "hatchling":
        said = table(tool, "hatch", "version")
        return _named(folder, said.get("path")) if said.get("source", "regex") == "regex" else None
    if backend == "pdm":
        said = table(tool, "pdm", "version")
        return _named(folder, said.get("path")) if said.get("source") == "file" else None
    if backend == "flit_core":
        module = table(tool, "flit", "module").get("name", table(data, "project").get("name"))
        return _module(folder, str(module).replace("-", "_"), "__version__")
    return None


def _of_setuptools(said: dict[str, Any], folder: Path) -> list[Path] | None:
    if "attr" in said:
        module, _, name = str(said["attr"]).rpartition(".")
        return _module(folder, module, name)
    files = said.get("file")
    return _named(folder, *(texts(files) if isinstance(files, list) else [files]))


def _named(folder: Path, *names: object) -> list[Path] | None:
    found = [folder / name for name in names if isinstance(name, str)]
    return found if found and len(found) == len(names) and all(path.is_file() for path in found) else None


def _module(folder: Path, dotted: str, name: str) -> list[Path] | None:
    """The file of a module that says ``name`` outright; one that must be run may look at anything."""
    inside = Path(*dotted.split(".")) if dotted else Path()
    for base in (folder / "src", folder):
        for path in (base / inside / "__init__.py", (base / inside).with_suffix(".py")):
            if path.is_file():
                return [path] if _says(path, name) else None
    return None


def _says(path: Path, name: str) -> bool:
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return False
    values = [
        statement.value
        for statement in body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name) and target.id == name
    ]
    return len(values) == 1 and isinstance(values[0], ast.Constant)
