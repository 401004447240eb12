"""Which packages of an older poetry.lock a project needs, and where: the lock itself does not say.

Formats before 2.1 list all packages of all groups and extras alike. So the way from the
project to each is walked, and the markers on it are gathered.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from agent.environment.names import canonical
from agent.environment.poetry_words import all_of, alternatives, any_of, marker_of, specifiers
from agent.environment.toml import table, texts


def walk(
    packages: list[dict[str, Any]], project: dict[str, Any], groups: set[str]
) -> list[tuple[dict[str, Any], str]]:
    """The packages that ``groups`` of ``project`` lead to, each with the marker that says where."""
    graph = _Graph(packages)
    for name, entry in _roots(project, groups):
        graph.follow(name, entry, "", frozenset())
    return [
        (package, any_of(*graph.markers[place]))
        for place, package in enumerate(packages)
        if graph.markers[place]
    ]


def _roots(project: dict[str, Any], groups: set[str]) -> list[tuple[str, dict[str, Any]]]:
    """What the project itself needs, as entries in Poetry's words."""
    poetry = table(project, "tool", "poetry")
    found = {"main": table(poetry, "dependencies"), "dev": dict(table(poetry, "dev-dependencies"))}
    for name in table(poetry, "group"):
        found[name] = {**found.get(name, {}), **table(poetry, "group", name, "dependencies")}
    roots = [
        (name, entry)
        for group in sorted(groups & set(found))
        for name, value in found[group].items()
        for entry in alternatives(value)
        if name != "python" and not entry.get("optional")
    ]
    return roots + [_standard(line) for line in texts(table(project, "project").get("dependencies"))]


def _standard(line: str) -> tuple[str, dict[str, Any]]:
    from packaging.requirements import Requirement

    parsed = Requirement(line)
    marker = "" if parsed.marker is None else str(parsed.marker)
    return parsed.name, {
        "version": str(parsed.specifier) or "*",
        "markers": marker,
        "extras": sorted(parsed.extras),
    }


class _Graph:
    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self._packages = packages
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for place, package in enumerate(packages):
            self._by_name[canonical(str(package.get("name")))].append(place)
        self.markers: dict[int, list[str]] = defaultdict(list)
        """For each package, by its place, the markers of all ways that lead to it."""
        self._walked: set[tuple[int, str, frozenset[str]]] = set()

    def follow(self, name: str, entry: dict[str, Any], marker: str, path: frozenset[int]) -> None:
        """Take in what ``entry`` asks for, and what that needs, on a way that holds where ``marker`` does."""
        marker = all_of(marker, _without_extra(marker_of(entry)))
        extras = frozenset(canonical(extra) for extra in entry.get("extras") or ())
        for place in self._meant(name, entry):
            step = (place, marker, extras)
            # One that is needed everywhere needs no second way without new extras.
            if place in path or step in self._walked:
                continue
            self._walked.add(step)
            self.markers[place].append(marker)
            package = self._packages[place]
            wanted = _by_extras(package, extras)
            for other, value in table(package, "dependencies").items():
                for one in alternatives(value):
                    if not one.get("optional") or canonical(other) in wanted:
                        self.follow(other, one, marker, path | {place})

    def _meant(self, name: str, entry: dict[str, Any]) -> list[int]:
        """The locked versions of ``name`` that fit; of a single one Poetry has seen to it that it does."""
        from packaging.specifiers import SpecifierSet

        places = self._by_name[canonical(name)]
        if len(places) < 2:
            return places
        allowed = [SpecifierSet(one) for one in specifiers(str(entry.get("version", "*")))]
        return [
            place
            for place in places
            if any(
                one.contains(str(self._packages[place].get("version")), prereleases=True) for one in allowed
            )
        ]


def _by_extras(package: dict[str, Any], extras: frozenset[str]) -> set[str]:
    """Names that the ``extras`` of a package add."""
    said = table(package, "extras").items()
    lines = [line for extra, value in said if canonical(extra) in extras for line in texts(value)]
    return {canonical(line.partition(" ")[0].partition("[")[0].partition(";")[0]) for line in lines}


def _without_extra(marker: str) -> str:
    # Which extras are wanted has been decided; installers take the word for "none".
    return "" if "extra ==" in marker else marker
