"""What decides how a package of the tree is installed, so that it need not be installed again.

An editable package of a build backend that is known to make nothing but metadata and links is
decided by its project files and by where its modules are; one that is copied, by all of its
files. Of any other nobody can tell what its build looks at (``setup.py`` may run a compiler, or
ask git for a version), so the whole tree and its commit decide.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.environment.dynamic import files_read
from agent.environment.names import name_of
from agent.environment.toml import read_toml, table, texts
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_KNOWN: Final = frozenset(
    {"setuptools", "wheel", "hatchling", "flit-core", "poetry-core", "pdm-backend", "uv-build", "editables"}
)
_DECIDING: Final = ("pyproject.toml", "setup.cfg", "MANIFEST.in")
_PASSED_OVER: Final = frozenset({".git", "__pycache__", ".elsewhere-layer"})


Listing = dict[Path, tuple[int, int]]
"""Files with their size and time, to tell later what a build has made of them."""


@dataclass(frozen=True)
class Evidence:
    """What decides, as it was before any build has run in the tree."""

    digest: str | None
    """None where it cannot be known."""
    whole: bool
    """Whether the whole tree decides: then files that a build leaves in it are decided, too."""
    before: Listing = field(repr=False)

    @classmethod
    def of(cls, tree: Path, local: tuple[LocalPackage, ...]) -> Evidence:
        """What decides how ``local`` packages of ``tree`` are installed."""
        found = hashlib.sha256()
        before = listing(tree)
        try:
            plain = [(package, _deciding(tree / package.path)) for package in local]
            if all(deciding is not None for _, deciding in plain):
                for package, deciding in plain:
                    _add_plain(found, tree / package.path, deciding or [], editable=package.editable)
                return cls(found.hexdigest(), False, before)
            commit = _commit(tree)
            if commit is None:
                return cls(None, True, before)
            found.update(f"commit {commit}\n".encode())
            _add_all(found, tree)
        except (OSError, BuildError):
            return cls(None, True, before)
        return cls(found.hexdigest(), True, before)


def _deciding(folder: Path) -> list[Path] | None:
    """The files that decide a build that makes metadata and links alone; None where it may make more."""
    if (folder / "setup.py").exists() or not (folder / "pyproject.toml").is_file():
        return None
    data = read_toml(folder / "pyproject.toml")
    required = {name_of(line) for line in texts(table(data, "build-system").get("requires"))}
    if not required or not required <= _KNOWN or table(data, "build-system").get("backend-path"):
        return None
    project, tool = table(data, "project"), table(data, "tool")
    described = project if project else table(tool, "poetry")
    read = files_read(folder, data)
    says_version = "version" in described or "version" in texts(project.get("dynamic"))
    if "name" not in described or not says_version or read is None:
        return None
    makes_more = (
        _has_key(tool.get("hatch"), "hooks")
        or "build" in table(tool, "poetry")
        or {"ext-modules", "cmdclass"} & set(table(tool, "setuptools"))
        or {"custom-hook", "run-setuptools"} & set(table(tool, "pdm", "build"))
    )
    return None if makes_more else [*(folder / name for name in _DECIDING), *read]


def _has_key(data: Any, key: str) -> bool:
    if not isinstance(data, dict):
        return False
    return key in data or any(_has_key(value, key) for value in data.values())


def _add_plain(found: Any, folder: Path, deciding: list[Path], *, editable: bool) -> None:
    if not editable:
        _add_all(found, folder)
        return
    for path in sorted(deciding):
        found.update(os.fsencode(path.relative_to(folder)))
        found.update(f" {_of_file(path) if path.is_file() else ''}\n".encode())
    # Backends that link module by module look for them: a new package is a new link.
    modules = {
        path.parent if path.parent != folder else path for path in _files(folder) if path.suffix == ".py"
    }
    for path in sorted(modules):
        found.update(os.fsencode(path.relative_to(folder)) + b"\n")


def _add_all(found: Any, folder: Path) -> None:
    for path in sorted(_files(folder)):
        mode = path.lstat().st_mode & 0o111
        found.update(os.fsencode(path.relative_to(folder)) + f" {mode} {_of_file(path)}\n".encode())


def _of_file(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """All files and links below ``folder``, without git's own and without bytecode."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _PASSED_OVER]
        here = Path(parent)
        yield from (here / name for name in names if (here / name).is_symlink() or (here / name).is_file())


def _commit(tree: Path) -> str | None:
    """What a build that asks git would hear; "" where there is no repository."""
    git = tree / ".git"
    if not git.exists():
        return ""
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return head if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", head) else None


def listing(tree: Path) -> Listing:
    """Every file of ``tree`` but git's own and bytecode."""
    found = {}
    for path in _files(tree):
        state = path.lstat()
        found[path] = (state.st_size, state.st_mtime_ns)
    return found


def made_by_build(before: Listing, after: Listing, folders: list[Path]) -> list[Path]:
    """The new and changed files in ``folders`` that a run may need.

    Metadata that setuptools leaves beside the source is a by-product: what counts is in the layer.
    """
    return [
        path
        for path, state in sorted(after.items())
        if before.get(path) != state
        and any(path.is_relative_to(folder) for folder in folders)
        and not any(part.endswith(".egg-info") for part in path.parts)
    ]
