"""A package of the tree, as far as its files tell of it without running its build."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.environment import poetry_words
from agent.environment.names import canonical, name_of
from agent.environment.recipe import Asked, digest
from agent.environment.toml import read_toml, table, texts
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage

_DECIDING: Final = ("*.toml", "*.cfg", "*.py", "*.txt", "*.in", "requirements/*.txt", "requirements/*.in")
_SELF: Final = re.compile(r"([A-Za-z0-9._-]+)\[([^\]]*)\]")


@dataclass
class Needs:
    """What packages of the tree need beside themselves."""

    lines: list[str] = field(default_factory=list)
    local: list[LocalPackage] = field(default_factory=list)
    """The packages themselves, and those of the tree that they need."""
    names: set[str] = field(default_factory=set)
    """Canonical names of the packages themselves, where they are said."""
    sources: list[LocalPackage] = field(default_factory=list)
    """Those of them whose needs only their build can tell."""
    evidence: list[tuple[str, str]] = field(default_factory=list)
    """The files that decide what those need, with their hashes."""
    options: list[str] = field(default_factory=list)


def needs_of(asked: Asked, local: list[LocalPackage]) -> Needs:
    """What ``local`` packages need, and what of the tree those need in turn.

    Raises:
        BuildError: one of them is not in the tree, or is no package; the message names it.
    """
    needs = Needs()
    pending = list(local)
    seen: set[str] = set()
    while pending:
        package = pending.pop(0)
        folder = asked.inside(package.path)
        path = asked.relative(folder)
        if path in seen:
            continue
        seen.add(path)
        if not is_package(folder):
            raise BuildError(
                f"the package in {path} has neither pyproject.toml nor setup.py", "Is it ignored by git?"
            )
        needs.local.append(LocalPackage(path, package.editable, package.extras))
        pending += _Project(asked, folder, package).add_to(needs)
    # A package of the tree that another one needs by name is that of the tree.
    needs.lines = [line for line in needs.lines if name_of(line) not in needs.names]
    return needs


def is_package(folder: Path) -> bool:
    """Whether something in ``folder`` can be installed."""
    if (folder / "setup.py").is_file():
        return True
    if not (folder / "pyproject.toml").is_file():
        return False
    data = read_toml(folder / "pyproject.toml")
    return "build-system" in data or "project" in data or bool(table(data, "tool", "poetry"))


def said_name(folder: Path) -> str:
    """The canonical name of the package in ``folder``, as far as its files say it outright; else ""."""
    file = folder / "pyproject.toml"
    data = read_toml(file) if file.is_file() else {}
    name: object = table(data, "project").get("name", table(data, "tool", "poetry").get("name"))
    if name is None:
        settings = configparser.ConfigParser(interpolation=None)
        with suppress(configparser.Error, OSError, UnicodeError):
            settings.read(folder / "setup.cfg", encoding="utf-8")
        name = settings.get("metadata", "name", fallback=None) or _name_in_setup(folder / "setup.py")
    return canonical(name) if isinstance(name, str) else ""


def _name_in_setup(file: Path) -> object:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [
        word.value.value
        for call in calls
        if ast.unparse(call.func).endswith("setup")
        for word in call.keywords
        if word.arg == "name" and isinstance(word.value, ast.Constant)
    ]
    return names[0] if len(names) == 1 else None


class _Project:
    def __init__(self, asked: Asked, folder: Path, package: LocalPackage) -> None:
        self._asked = asked
        self._folder = folder
        self._package = package
        file = folder / "pyproject.toml"
        self._data = read_toml(file, asked.relative(file)) if file.is_file() else {}

    def add_to(self, needs: Needs) -> list[LocalPackage]:
        """Add what this one needs; returns what it needs of the tree."""
        project, poetry = table(self._data, "project"), table(self._data, "tool", "poetry")
        dynamic = texts(project.get("dynamic"))
        name = said_name(self._folder)
        if name:
            needs.names.add(name)
        deferred = name in self._asked.no_build_isolation
        if deferred:
            needs.lines += self._built_with()
        if project and "dependencies" not in dynamic and "optional-dependencies" not in dynamic:
            return self._add_standard(project, needs)
        if poetry.get("dependencies"):
            return self._add_poetry(poetry, needs)
        if deferred:
            # Its build cannot be asked before the others are there: the desk, or a file, has to say it.
            self._asked.note(f"{name}: what it needs is not asked of its build, which needs the others first")
            return []
        needs.sources.append(self._package)
        found = {path for pattern in _DECIDING for path in self._folder.glob(pattern) if path.is_file()}
        needs.evidence += [(self._asked.relative(path), digest(path)) for path in sorted(found)]
        return []

    def _built_with(self) -> list[str]:
        """What must be in the environment, if the build is to see nothing else."""
        said = texts(table(self._data, "build-system").get("requires"))
        if said:
            return said
        # Older releases of setuptools need another package, which a desk that built with them has.
        beside = {"wheel"} & {name_of(line) for line in self._asked.packages.freeze}
        return ["setuptools", *beside]

    def _add_standard(self, project: dict[str, Any], needs: Needs) -> list[LocalPackage]:
        optional = {
            canonical(key): texts(value) for key, value in table(project, "optional-dependencies").items()
        }
        lines = texts(project.get("dependencies"))
        for extra in self._package.extras:
            lines += optional.get(canonical(extra), [])
        flat = list(self._flat(lines, optional, canonical(str(project.get("name", ""))), set()))
        return self._add_lines(flat, needs)

    def _flat(
        self, lines: list[str], optional: dict[str, list[str]], own: str, seen: set[str]
    ) -> Iterator[str]:
        """The lines, with what stands for the package's own extras in them."""
        for line in lines:
            match = _SELF.match(line)
            if match is None or canonical(match[1]) != own:
                yield line
                continue
            for extra in {canonical(part.strip()) for part in match[2].split(",")} - seen:
                seen.add(extra)
                yield from self._flat(optional.get(extra, []), optional, own, seen)

    def _add_lines(self, lines: list[str], needs: Needs) -> list[LocalPackage]:
        """The lines, where uv's table of sources does not say that a package comes from elsewhere."""
        sources = {
            canonical(name): value for name, value in table(self._data, "tool", "uv", "sources").items()
        }
        found = []
        for line in lines:
            source = sources.get(name_of(line))
            if isinstance(source, dict) and ("path" in source or source.get("workspace") is True):
                found.append(self._of_tree(name_of(line), source))
            elif isinstance(source, dict) and poetry_words.place_of(source):
                _, semicolon, marker = line.partition(";")
                needs.lines.append(
                    f"{name_of(line)} @ {poetry_words.place_of(source)}{semicolon and ' ; '}{marker.strip()}"
                )
            else:
                needs.lines.append(line)
        for index in self._data.get("tool", {}).get("uv", {}).get("index", []):
            if isinstance(index, dict) and "://" in str(index.get("url", "")):
                needs.options.append(f"--extra-index-url {index['url']}")
        return found

    def _of_tree(self, name: str, source: dict[str, Any]) -> LocalPackage:
        if "path" in source:
            path = self._asked.inside(self._folder / str(source["path"]))
            return LocalPackage(self._asked.relative(path), bool(source.get("editable", True)))
        for member in self._members():
            data = read_toml(member, self._asked.relative(member))
            if canonical(str(table(data, "project").get("name", ""))) == name:
                return LocalPackage(self._asked.relative(member.parent))
        raise BuildError(f"{name} is no member of the workspace in the repository", "Is it ignored by git?")

    def _members(self) -> Iterator[Path]:
        root = self._asked.inside(".")
        for folder in (self._folder, *self._folder.parents):
            if not folder.is_relative_to(root):
                return
            file = folder / "pyproject.toml"
            if file.is_file():
                patterns = texts(table(read_toml(file), "tool", "uv", "workspace").get("members"))
                yield file
                for pattern in patterns:
                    yield from folder.glob(f"{pattern}/pyproject.toml")

    def _add_poetry(self, poetry: dict[str, Any], needs: Needs) -> list[LocalPackage]:
        extras = {canonical(key): texts(value) for key, value in table(poetry, "extras").items()}
        chosen = {
            canonical(name) for extra in self._package.extras for name in extras.get(canonical(extra), [])
        }
        found = []
        for name, value in table(poetry, "dependencies").items():
            for entry in poetry_words.alternatives(value):
                if name == "python" or (entry.get("optional") and canonical(name) not in chosen):
                    continue
                if "path" in entry:
                    path = self._asked.inside(self._folder / str(entry["path"]))
                    found.append(LocalPackage(self._asked.relative(path), bool(entry.get("develop"))))
                    continue
                marker = poetry_words.marker_of(entry)
                needs.lines += [
                    f"{line} ; {marker}" if marker else line for line in poetry_words.requirement(name, entry)
                ]
        return found
