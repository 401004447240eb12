"""The distributions that are installed, and which of them an imported name comes from."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from elsewhere.capture.url import without_credentials

_HEADER = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")
# What installers accept behind "=="; old system packages carry versions that they do not.
_VERSION = re.compile(
    r"(\d+!)?\d+(\.\d+)*((a|b|c|rc|alpha|beta|pre|preview)\d*)?([-.]?(post|rev|r)\d*)?([-.]?dev\d*)?"
    r"(\+[a-z0-9]+([-_.][a-z0-9]+)*)?",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r";.*\bextra\s*==")
_SITES = frozenset({"site-packages", "dist-packages"})


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return _SEPARATORS.sub("-", name).lower()


@dataclass(frozen=True)
class Distribution:
    """One installed distribution."""

    name: str
    version: str
    metadata: importlib.metadata.Distribution

    @cached_property
    def local_folder(self) -> str | None:
        """Path or URL of the local folder or file it was installed from; None for an index or a URL."""
        url = self._origin.get("url", "")
        if url.startswith("file:"):
            return unquote(urlsplit(url).path)
        place = getattr(self.metadata, "_path", None)
        # Metadata beside the source itself: an old way of installing in place.
        if isinstance(place, Path) and place.suffix == ".egg-info" and place.parent.name not in _SITES:
            return str(place.parent)
        return None

    @property
    def editable(self) -> bool:
        """Whether it is a link to its source, so that edits there count at once."""
        folder = self._origin.get("dir_info")
        return bool(folder.get("editable")) if isinstance(folder, dict) else not self._origin

    @cached_property
    def needs(self) -> frozenset[str]:
        """Canonical names of what it says it needs, without what its extras add."""
        lines = self.metadata.requires or []
        found = (_REQUIRED.match(line) for line in lines if not _EXTRA.search(line))
        return frozenset(canonical(match.group()) for match in found if match is not None)

    @property
    def requirement(self) -> str | None:
        """The line that installs exactly this one; None where no other machine could follow it."""
        if self.local_folder is not None:
            return None
        url = self._origin.get("url", "")
        if url:
            return self._requirement_by_url(url)
        return f"{self.name}=={self.version}" if _VERSION.fullmatch(self.version) else None

    def provides(self, dotted: str) -> bool:
        """Whether this distribution installed the module or package ``dotted``, or a part of it."""
        path = dotted.replace(".", "/")
        if self._files and any(f"\n{path}{end}" in self._files for end in ("/", ".py,", ".")):
            return True
        if "." in dotted:
            return False
        if dotted in self._declared:
            return True
        return self._stands_in_local_folder(dotted) or self._is_named(dotted)

    @cached_property
    def _origin(self) -> dict[str, Any]:
        # Conda records the folder that it was built in, on some other machine.
        if (self.metadata.read_text("INSTALLER") or "").strip() == "conda":
            return {}
        try:
            origin = json.loads(self.metadata.read_text("direct_url.json") or "{}")
        except ValueError:
            return {}
        return origin if isinstance(origin, dict) and isinstance(origin.get("url", ""), str) else {}

    @cached_property
    def _files(self) -> str:
        # Searched as one text: a large distribution has tens of thousands of lines.
        record = self.metadata.read_text("RECORD")
        return "\n" + record.replace('"', "") if record else ""

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset((self.metadata.read_text("top_level.txt") or "").split())

    def _stands_in_local_folder(self, name: str) -> bool:
        if self.local_folder is None:
            return False
        folders = (Path(self.local_folder), Path(self.local_folder) / "src")
        return any((folder / name).is_dir() or (folder / f"{name}.py").is_file() for folder in folders)

    def _is_named(self, name: str) -> bool:
        # System packages often come without a list of files.
        return not self._files and not self._declared and canonical(name) == canonical(self.name)

    def _requirement_by_url(self, url: str) -> str:
        url = without_credentials(url)
        source = self._origin.get("vcs_info")
        if isinstance(source, dict):
            url = f"{source.get('vcs', 'git')}+{url}@{source.get('commit_id', '')}"
        subdirectory = self._origin.get("subdirectory")
        return f"{self.name} @ {url}" + (f"#subdirectory={subdirectory}" if subdirectory else "")


class Installed:
    """All distributions of one environment; of two with the same name the one that is found first."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._by_name: dict[str, Distribution] = {}
        for metadata in importlib.metadata.distributions(path=list(search_path)):
            found = _headers(metadata)
            if found is not None:
                self._by_name.setdefault(canonical(found[0]), Distribution(*found, metadata))
        self._providers: dict[str, tuple[Distribution, ...]] = {}

    def __iter__(self) -> Iterator[Distribution]:
        return iter(self._by_name.values())

    def has(self, name: str) -> bool:
        """Whether a distribution provides the top-level name."""
        return bool(self.providers(name))

    def providers(self, name: str) -> tuple[Distribution, ...]:
        """The distributions that share the top-level ``name``."""
        if name not in self._providers:
            namesake = self._by_name.get(canonical(name))
            # A package with a start file has one owner: its namesake spares looking at all others.
            if namesake is not None and namesake.provides(f"{name}.__init__"):
                self._providers[name] = (namesake,)
            else:
                everyone = self._by_name.values()
                self._providers[name] = tuple(item for item in everyone if item.provides(name))
        return self._providers[name]

    def owners(self, dotted: str) -> tuple[Distribution, ...]:
        """The distributions that an import of ``dotted`` needs; where several share a namespace, its own."""
        candidates = self.providers(dotted.partition(".")[0])
        while len(candidates) > 1 and "." in dotted:
            owners = tuple(item for item in candidates if item.provides(dotted))
            if owners:
                return owners
            dotted = dotted.rpartition(".")[0]
        return candidates


def _headers(metadata: importlib.metadata.Distribution) -> tuple[str, str] | None:
    # The standard library parses the whole file as a mail: a hundred times the cost of two lines.
    text = metadata.read_text("METADATA") or metadata.read_text("PKG-INFO") or ""
    if not text and isinstance(place := getattr(metadata, "_path", None), Path) and place.is_file():
        text = place.read_text(encoding="utf-8", errors="replace")
    head = text.partition("\n\n")[0]
    found = dict(_HEADER.findall(head))
    return (found["Name"], found["Version"]) if len(found) == 2 else None
