"""``uv.lock``: what ``uv sync --frozen`` would install, in a folder of our own."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.credentials import without_credentials
from agent.environment.index import carries_credentials
from agent.environment.listed import ARCHIVES, Lines, Listed
from agent.environment.names import canonical
from agent.environment.recipe import Asked, Build, Recipe
from agent.environment.toml import read_toml, table
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage
from elsewhere.wish.requirement import logical_lines

_RELEVANT: Final = ("name", "requires-python", "dependencies", "optional-dependencies", "dynamic")
_OUT_OF_STEP: Final = re.compile(
    r"needs to be updated|No solution found|network was disabled|Failed to parse|missing field"
)


class UvLock:
    """uv's lock file, read by uv itself: forks, markers and groups are its own business."""

    kind = "lock"

    def find(self, asked: Asked) -> Path | None:
        """The lock file, if its project is beside it."""
        path = asked.find("uv.lock")
        return path if path is not None and (path.parent / "pyproject.toml").is_file() else None

    def read(self, asked: Asked, path: Path) -> Recipe:
        """What the lock and its projects say decides; uv reads it only when it is built."""
        title = asked.relative(path)
        data = read_toml(path, title)
        packages = [item for item in data.get("package", []) if isinstance(item, dict)]
        local, names = _local(asked, path.parent, packages)
        folders = sorted({path.parent, *(asked.inside(package.path) for package in local)})
        projects = [folder / "pyproject.toml" for folder in folders]
        evidence = [(title, _hash(_without_own_versions(data)))]
        evidence += [(asked.relative(file), _hash(_relevant(file))) for file in projects if file.is_file()]
        options = _indexes(asked, title, packages, read_toml(path.parent / "pyproject.toml"))
        locked = {package.path for package in local}
        others = tuple(package for package in asked.packages.local if package.path not in locked)
        return Listed(
            title,
            Lines(options=options, complete=True),
            asked.tree,
            (*local, *others),
            names,
            asked.no_build_isolation,
            tuple(evidence),
            late=_Export(path, title, options),
        )


@dataclass(frozen=True)
class _Export:
    """Turns the lock into pinned lines with hashes, once it is known to be in step."""

    path: Path
    title: str
    options: tuple[str, ...]

    def __call__(self, build: Build) -> Lines:
        program, job, folder = build.uv, build.job, self.path.parent
        if program is None:
            raise BuildError(
                f"{self.title} can only be read by uv, which cannot be executed here", "Install uv there."
            )
        checked = program.of_project(["lock", "--check"], job, folder)
        said = " ".join(checked.lines)
        if checked.code != 0 and _OUT_OF_STEP.search(said):
            raise BuildError(
                f"{self.title} is out of step with its pyproject.toml\n  {said[-600:]}",
                "Run `uv lock` and submit again, or take what was recorded (origin `recorded`).",
            )
        if checked.code != 0:
            job.note(f"whether {self.title} is in step with pyproject.toml cannot be told offline")
        listed = job.folder / "exported.txt"
        verb = ["export", "--frozen", "--no-emit-workspace", "--no-annotate", "--no-header", "-q"]
        ended = program.of_project([*verb, "--output-file", str(listed)], job, folder)
        if ended.code != 0:
            raise ended.error(job)
        lines = tuple(line for _, line in logical_lines(listed.read_text(encoding="utf-8")))
        wanted = (_in_place(" ".join(line.split()), folder) for line in lines)
        return Lines(tuple(filter(None, wanted)), options=self.options, complete=True)


def _in_place(line: str, folder: Path) -> str:
    """An exported line with the place of an archive of the tree in full; "" for a folder of the tree."""
    place = line.partition(" ")[0]
    if not place.startswith((".", "/", "-")):
        return line
    if not place.endswith(ARCHIVES):
        return ""
    return (folder / place).resolve().as_uri() + line[len(place) :]


def _without_own_versions(data: dict[str, Any]) -> object:
    """The lock without the versions of the tree's packages: those are not in the environment."""
    packages = [item for item in data.get("package", []) if isinstance(item, dict)]
    own = [{**item, "version": ""} if _place(item)[1] else item for item in packages]
    return {**data, "package": own}


def _relevant(file: Path) -> object:
    """What of a project file a lock is made of, and what uv is told of it. Nothing else rebuilds."""
    data = read_toml(file)
    project = {key: table(data, "project").get(key) for key in _RELEVANT}
    return [project, data.get("dependency-groups"), table(data, "tool", "uv")]


def _hash(data: object) -> str:
    # A lock may hold dates, which JSON does not know.
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def _local(
    asked: Asked, folder: Path, packages: list[dict[str, Any]]
) -> tuple[list[LocalPackage], frozenset[str]]:
    """The tree's packages that the project needs, itself included, and all their names."""
    by_name = {canonical(str(package.get("name", ""))): package for package in packages}
    places = {name: _place(package) for name, package in by_name.items()}
    own = {name for name, (place, _) in places.items() if place == "."}
    reached: set[str] = set()
    pending = sorted(own)
    while pending:
        name = pending.pop()
        if name in reached or name not in by_name:
            continue
        reached.add(name)
        package = by_name[name]
        # Like `uv sync`: the project's own groups for development come along, those of others do not.
        groups = table(package, "dev-dependencies").values() if name in own else ()
        for dependencies in (package.get("dependencies"), *groups):
            pending += _names(dependencies)
    local = []
    for name in sorted(reached):
        place, kind = places[name]
        if kind in ("editable", "directory"):
            path = asked.inside(folder / place)
            local.append(LocalPackage(asked.relative(path), editable=kind == "editable"))
    return local, frozenset(name for name, (_, kind) in places.items() if kind)


def _names(dependencies: object) -> list[str]:
    found = dependencies if isinstance(dependencies, list) else []
    return [canonical(str(item["name"])) for item in found if isinstance(item, dict) and "name" in item]


def _place(package: dict[str, Any]) -> tuple[str, str]:
    source = table(package, "source")
    for kind in ("editable", "directory", "virtual"):
        if isinstance(source.get(kind), str):
            return source[kind], kind
    return "", ""


def _indexes(
    asked: Asked, title: str, packages: list[dict[str, Any]], project: dict[str, Any]
) -> tuple[str, ...]:
    """The indexes that the project names and packages were locked from.

    The one that is asked where nobody names one is not among them: it is the agent's own.
    """
    used = {str(table(package, "source").get("registry")).rstrip("/") for package in packages}
    named = table(project, "tool", "uv").get("index")
    options = []
    for index in named if isinstance(named, list) else []:
        url = str(index.get("url", "")) if isinstance(index, dict) else ""
        if "://" not in url or without_credentials(url).rstrip("/") not in used:
            continue
        if carries_credentials(url):
            asked.note(
                f"{title}: {without_credentials(url)} is not asked, because a task may not carry "
                "credentials: give that index to the agent"
            )
        elif not (index.get("default") and asked.own_index):
            options.append(f"{'--index-url' if index.get('default') else '--extra-index-url'} {url}")
    return tuple(options)
