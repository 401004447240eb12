"""Packages that were asked for beside those that an attempt really had."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from elsewhere.contract.built import Built
from elsewhere.contract.spec import Packages

Difference = Literal["", "differs", "missing", "not recorded"]

_LINE = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*?)\s*")


@dataclass(frozen=True)
class PackageRow:
    """One package, on both sides. Versions are what stands behind its name, such as ``==2.0``."""

    name: str
    asked: str
    built: str
    difference: Difference


def compare(asked: Packages, built: Built) -> list[PackageRow]:
    """What was asked for beside what was built, by name.

    Asked for is what the script imports. The rest of the desk's own freeze tells only which version
    was meant, where the environment happens to have the package. One that the desk told nothing of,
    since a file of the tree or the tree itself brings it, is not recorded.
    """
    wanted = dict(_named(asked.requirements))
    meant = {**dict(_named(asked.freeze)), **wanted}
    held = dict(_named(built.packages))
    rows = []
    for name in sorted(held.keys() | wanted.keys()):
        if name not in held:
            difference: Difference = "missing"
        elif name not in meant:
            difference = "not recorded"
        else:
            difference = "differs" if _contradict(meant[name], held[name]) else ""
        rows.append(PackageRow(name, meant.get(name, ""), held.get(name, ""), difference))
    return rows


def _named(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names, written alike whatever way they came, and what is said of each."""
    for line in lines:
        found = _LINE.fullmatch(line.partition(";")[0])
        if found:
            yield re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]


def _contradict(asked: str, built: str) -> bool:
    """Whether two exact pins differ; of a range, and of an address, we do not judge."""
    pins = asked, built
    return all(re.fullmatch(r"===?\s*[^,*\s]+", pin) for pin in pins) and len({*map(_version, pins)}) == 2


def _version(pin: str) -> str:
    return pin.lstrip("= ").lower()
