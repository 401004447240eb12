"""``poetry.lock``, read here: pinned lines with their hashes and markers, for uv or pip to install.

Poetry itself would be one more program to have on each machine, and it installs more slowly.
What is installed is what ``poetry install`` would: the main group and those that are not
optional, without extras.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from agent.environment import poetry_graph
from agent.environment.listed import Lines, Listed
from agent.environment.names import canonical, normalised
from agent.environment.poetry_words import any_of
from agent.environment.recipe import Asked, Recipe
from agent.environment.requirement_file import Requirements
from agent.environment.toml import read_toml, table
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_LEGACY: Final = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT: Final = ("requires-python", "dependencies", "optional-dependencies")


class PoetryLock:
    """Poetry's lock file, of the formats 1.1 to 2.1."""

    kind = "lock"

    def find(self, asked: Asked) -> Path | None:
        """The lock file, if its project is beside it."""
        path = asked.find("poetry.lock")
        return path if path is not None and (path.parent / "pyproject.toml").is_file() else None

    def read(self, asked: Asked, path: Path) -> Recipe:
        """The locked packages of the groups that are installed by default."""
        title = asked.relative(path)
        lock = read_toml(path, title)
        project = read_toml(path.parent / "pyproject.toml", asked.relative(path.parent / "pyproject.toml"))
        check_in_step(title, lock, project)
        gathered = Requirements(asked)
        for package, marker in _chosen(lock, project):
            _add(gathered, title, path.parent, lock, package, marker)
        local = tuple(gathered.local)
        if is_installed(project, path.parent):
            local = (LocalPackage(asked.relative(path.parent)), *local)
        locked = {package.path for package in local}
        local += tuple(package for package in asked.packages.local if package.path not in locked)
        name = table(project, "project").get("name", table(project, "tool", "poetry").get("name", ""))
        return Listed(
            title,
            Lines(normalised(gathered.lines), options=tuple(dict.fromkeys(gathered.options)), complete=True),
            asked.tree,
            local,
            frozenset({canonical(str(name))}),
            asked.no_build_isolation,
            tuple(gathered.evidence),
        )


def content_hash(project: dict[str, Any], *, with_groups: bool = True) -> str:
    """The hash by which Poetry knows what a lock file was made of."""
    standard, poetry = table(project, "project"), table(project, "tool", "poetry")
    groups = table(project, "dependency-groups") if with_groups else {}
    relevant = {key: standard[key] for key in _PROJECT if standard.get(key) is not None}
    old: dict[str, Any] = {}
    for key in (*_LEGACY, "group"):
        # Poetry 1 counts its own keys also where they are not there.
        if poetry.get(key) is not None or (key in _LEGACY and not relevant and not groups):
            old[key] = poetry.get(key)
    content: dict[str, Any] = {"project": relevant} if relevant else {}
    if groups:
        content["dependency-groups"] = groups
    content = {**content, "tool": {"poetry": old}} if content else old
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_in_step(title: str, lock: dict[str, Any], project: dict[str, Any]) -> None:
    """Refuse a lock file that was made of another project file.

    Raises:
        BuildError: it was; the message names it.
    """
    said = table(lock, "metadata").get("content-hash")
    # Until Poetry 2.1, groups of the standard did not count.
    if said not in (content_hash(project), content_hash(project, with_groups=False)):
        raise BuildError(
            f"{title} is out of step with its pyproject.toml",
            "Run `poetry lock` and submit again, or take what was recorded (origin `recorded`).",
        )


def is_installed(project: dict[str, Any], folder: Path) -> bool:
    """Whether Poetry would install the project itself: it can, and is not told otherwise."""
    poetry = table(project, "tool", "poetry")
    name = table(project, "project").get("name", poetry.get("name"))
    if poetry.get("package-mode") is False or "build-system" not in project or not isinstance(name, str):
        return False
    module = canonical(name).replace("-", "_")
    found = (base / end for base in (folder, folder / "src") for end in (module, f"{module}.py"))
    return "packages" in poetry or any(path.exists() for path in found)


def _chosen(lock: dict[str, Any], project: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The packages to install, each with the marker that says where."""
    packages = [item for item in lock.get("package", []) if isinstance(item, dict)]
    groups = _groups(project)
    if any("groups" in package for package in packages):
        found = []
        for package in packages:
            markers = _markers(package, groups)
            if markers is not None:
                found.append((package, markers))
        return found
    return poetry_graph.walk(packages, project, groups)


def _groups(project: dict[str, Any]) -> set[str]:
    """The groups that are installed by default."""
    named = table(project, "tool", "poetry", "group")
    optional = {name for name in named if table(named, name).get("optional") is True}
    return {"main", "dev", *named, *table(project, "dependency-groups")} - optional


def _markers(package: dict[str, Any], groups: set[str]) -> str | None:
    """Where a package of a lock that tells groups is installed; None where it is not at all."""
    own = {str(group) for group in package.get("groups", [])} & groups
    if package.get("optional") is True:
        # Only an extra of the project wants it, and none is asked for.
        own.discard("main")
    if not own:
        return None
    markers = package.get("markers", "")
    if isinstance(markers, dict):
        return any_of(*(str(markers.get(group, "")) for group in sorted(own)))
    return str(markers)


def _add(
    gathered: Requirements, title: str, folder: Path, lock: dict[str, Any],
    package: dict[str, Any], marker: str,
) -> None:  # fmt: skip
    name, version = str(package.get("name")), str(package.get("version"))
    source = table(package, "source")
    kind, url = source.get("type", ""), str(source.get("url", ""))
    if kind == "directory":
        path = gathered.asked.inside(folder / url)
        editable = bool(package.get("develop"))
        gathered.local.append(LocalPackage(gathered.asked.relative(path), editable))
        return
    tail = f" ; {marker}" if marker else ""
    if kind == "git":
        below = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        revision = source.get("resolved_reference") or source.get("reference")
        gathered.add(f"{name} @ git+{url}@{revision}{below}{tail}", title, folder)
        return
    hashes = "".join(f" --hash={one}" for one in _hashes(lock, package))
    if kind == "file":
        gathered.add(f"./{url}{tail}{hashes}", title, folder)
    elif kind == "url":
        gathered.add(f"{name} @ {url}{tail}{hashes}", title, folder)
    else:
        if kind == "legacy":
            gathered.add(f"--extra-index-url {url}", title, folder)
        gathered.add(f"{name}=={version}{tail}{hashes}", title, folder)


def _hashes(lock: dict[str, Any], package: dict[str, Any]) -> list[str]:
    # Before format 2.0 they stood at the end, for all packages.
    files = package.get("files") or table(lock, "metadata", "files").get(str(package.get("name"))) or []
    return sorted({str(file["hash"]) for file in files if isinstance(file, dict) and "hash" in file})
