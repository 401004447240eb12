"""Requirement files as pip reads them, with all that they include, brought into one list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from agent.credentials import without_credentials
from agent.environment.index import carries_credentials
from agent.environment.listed import ARCHIVES, TREE, Lines, Listed
from agent.environment.names import normalised
from agent.environment.project import needs_of
from agent.environment.recipe import Asked, digest
from elsewhere.contract.errors import BuildError
from elsewhere.contract.spec import LocalPackage
from elsewhere.wish.requirement import decoded, logical_lines

_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")
_OPTION: Final = re.compile(r"(--[a-z-]+|-[a-z])(?:\s*=\s*|\s+|(?<=^-[a-z])(?=\S)|$)(.*)\Z", re.DOTALL)
_LONG: Final = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url",
                "-f": "--find-links", "--extra-index-urls": "--extra-index-url"}  # fmt: skip
_EXTRAS: Final = re.compile(r"(?P<path>.*?)\[(?P<extras>[^\]]*)\]\Z")
_NAMED: Final = re.compile(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s*(?P<url>file:\S+|\.{1,2}/\S*)"
)
_MOST_FILES: Final = 200


@dataclass
class Requirements:
    """What the files say, gathered file by file."""

    asked: Asked
    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    local: list[LocalPackage] = field(default_factory=list)
    evidence: list[tuple[str, str]] = field(default_factory=list)
    """Files of the tree that are installed or looked into, with their hashes."""
    prerelease: bool = False
    _read: set[tuple[Path, bool]] = field(default_factory=set)

    @property
    def hashed(self) -> bool:
        """Whether the files are in pip's hash-checking mode."""
        return any("--hash" in line for line in self.lines)

    def read(self, path: Path, *, constraint: bool = False) -> None:
        """Add what ``path`` and the files that it includes say.

        Raises:
            BuildError: one cannot be read or says something that cannot be followed; the message
                names file and line.
        """
        if (path, constraint) in self._read:
            return
        self._read.add((path, constraint))
        name = self.asked.relative(path)
        if len(self._read) > _MOST_FILES:
            raise BuildError(f"{name} includes more than {_MOST_FILES} files", "Include fewer.")
        try:
            text = decoded(path.read_bytes())
        except (OSError, UnicodeError) as error:
            raise BuildError(f"{name} cannot be read: {error}", "Is it in the repository?") from error
        for number, line in logical_lines(text):
            self.add(line, f"{name}, line {number}", path.parent, constraint=constraint)

    def recipe(self, title: str) -> Listed:
        """What was gathered as one recipe, with what the tree's own packages need in it.

        Raises:
            BuildError: a package of the tree is not there, or none.
        """
        needs = needs_of(self.asked, [*self.local, *self.asked.packages.local])
        root = self.asked.tree or Path("/")
        # In pip's hash-checking mode the file is to be complete: nothing enters without its hash.
        wanted = [] if self.hashed else needs.lines
        for line in (*wanted, *needs.options):
            self.add(line, "pyproject.toml", root)
        lines = Lines(
            requirements=normalised(self.lines),
            constraints=normalised(self.constraints),
            options=tuple(dict.fromkeys(self.options)),
            complete=self.hashed,
            hashed=self.hashed,
            prerelease=self.prerelease,
            sources=() if self.hashed else tuple(sorted(map(_source, needs.sources))),
        )
        return Listed(
            title,
            lines,
            self.asked.tree,
            tuple(needs.local),
            frozenset(needs.names),
            self.asked.no_build_isolation,
            tuple(self.evidence + needs.evidence),
        )

    def add(self, line: str, where: str, folder: Path, *, constraint: bool = False) -> None:
        """Add one line, which stands at ``where``; its paths are seen from ``folder``."""
        if _VARIABLE.search(line):
            raise BuildError(
                f"{where}: {_VARIABLE.findall(line)[0]} is not filled in",
                "No variable of the agent goes into a task's packages. Where it is a credential, "
                "give it to the agent: [packages] extra_index_urls in its elsewhere.toml.",
            )
        if line.startswith("-"):
            self._add_option(line, where, folder, constraint=constraint)
        elif constraint:
            self.constraints.append(line)
        else:
            self._add_requirement(line, where, folder)

    def _add_option(self, line: str, where: str, folder: Path, *, constraint: bool) -> None:
        match = _OPTION.match(line)
        option, value = (line, "") if match is None else (match[1], match[2].strip().strip("'\""))
        option = _LONG.get(option, option)
        if option in ("--requirement", "--constraint"):
            if "://" in value:
                raise BuildError(
                    f"{where}: {without_credentials(value)} is not part of the repository",
                    "Put the file into the repository.",
                )
            path = self.asked.inside(folder / value)
            self.read(path, constraint=constraint or option == "--constraint")
        elif option == "--editable":
            self._add_editable(value, where, folder)
        elif option in ("--index-url", "--extra-index-url", "--find-links"):
            self._add_index(option, value, where, folder)
        elif option in ("--no-index", "--no-binary", "--only-binary"):
            self.options.append(f"{option} {value}".strip())
        elif option == "--pre":
            self.prerelease = True
        elif option not in ("--require-hashes", "--prefer-binary", "--use-feature"):
            self.asked.note(f"{where}: {option} is left to the agent's own settings")

    def _add_index(self, option: str, value: str, where: str, folder: Path) -> None:
        shown = without_credentials(value)
        if carries_credentials(value):
            self.asked.note(
                f"{where}: {shown} is not asked, because a task may not carry credentials: "
                "give that index to the agent ([packages] extra_index_urls in its elsewhere.toml)"
            )
        elif option == "--index-url" and self.asked.own_index:
            self.asked.note(f"{where}: {shown} is not asked, because this agent has an index of its own")
        elif "://" in value and not value.startswith("file:"):
            self.options.append(f"{option} {value}")
        else:
            path = self.asked.inside(folder / _path_of(value))
            self.options.append(f"{option} {TREE}/{self.asked.relative(path)}")
            inside = sorted(path.glob("*")) if path.is_dir() else [path]
            self.evidence += [(self.asked.relative(each), digest(each)) for each in inside if each.is_file()]

    def _add_editable(self, value: str, where: str, folder: Path) -> None:
        if "://" in value and not value.startswith("file:"):
            # Nobody edits it in an attempt: what counts is the revision.
            url, _, fragment = value.partition("#")
            egg = re.search(r"egg=([A-Za-z0-9._-]+)", fragment)
            self._add_requirement(f"{egg[1]} @ {url}" if egg else value, where, folder)
            return
        self._add_folder(value, where, folder, editable=True)

    def _add_requirement(self, line: str, where: str, folder: Path) -> None:
        named = _NAMED.match(line)
        place = named["url"] if named else line.partition(" ")[0].partition(";")[0]
        if named or _is_path(place, folder):
            self._add_path(place, line, where, folder)
            return
        if "://" in line and carries_credentials(line):
            self.asked.note(
                f"{where}: its credential is not used; private repositories are reached by the agent's "
                "own ssh agent or netrc file"
            )
            line = without_credentials(line)
        self.lines.append(line)

    def _add_path(self, place: str, line: str, where: str, folder: Path) -> None:
        bare = _path_of(place)
        if not bare.endswith(ARCHIVES):
            self._add_folder(place, where, folder, editable=False)
            return
        path = self.asked.inside(folder / bare)
        relative = self.asked.relative(path)
        self.evidence.append((relative, digest(path)))
        _, semicolon, marker = line.partition(";")
        self.lines.append(f"{TREE}/{relative}{semicolon}{marker}")

    def _add_folder(self, value: str, where: str, folder: Path, *, editable: bool) -> None:
        match = _EXTRAS.match(value.partition(";")[0].strip())
        text, extras = (match["path"], match["extras"]) if match else (value, "")
        path = self.asked.inside(folder / _path_of(text.partition(";")[0].strip()))
        if not path.is_dir():
            raise BuildError(f"{where}: {text} is no folder of the repository", "Is it ignored by git?")
        names = tuple(sorted(part.strip() for part in extras.split(",") if part.strip()))
        self.local.append(LocalPackage(self.asked.relative(path), editable, names))


def _source(package: LocalPackage) -> str:
    extras = f"[{','.join(package.extras)}]" if package.extras else ""
    return f"{'-e ' if package.editable else ''}{TREE}/{package.path}{extras}"


def _path_of(value: str) -> str:
    value = value.partition("#")[0].strip()
    return unquote(urlsplit(value).path) if value.startswith("file:") else value


def _is_path(place: str, folder: Path) -> bool:
    if place.startswith("file:"):
        return True
    if "://" in place or "@" in place.partition("/")[0]:
        return False
    bare = place.partition("[")[0]
    if bare.startswith(("./", "../", "/")) or bare in (".", ".."):
        return True
    return (("/" in bare and "==" not in bare) or bare.endswith(ARCHIVES)) and (folder / bare).exists()
