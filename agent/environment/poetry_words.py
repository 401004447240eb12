"""What Poetry writes in its own words, in those of the standards that all installers read."""

from __future__ import annotations

import re
from typing import Any, Final

from elsewhere.contract.errors import BuildError

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")
_CLAUSE: Final = re.compile(r"(\^|~=|~|===?|!=|<=|>=|<|>)?\s*([^\s,|^~=<>!][^\s,|]*)")
_PYTHON: Final = re.compile(r"(==|!=|<=|>=|<|>|~=)(\d+(?:\.\d+)*(?:\.\*)?)\Z")


def specifiers(constraint: str) -> list[str]:
    """``constraint`` as alternatives, each a list of version clauses separated by commas.

    ``^1.2`` is ``[">=1.2,<2"]``; ``*`` is ``[""]``.
    """
    return [
        ",".join(clause for found in _CLAUSE.finditer(part) for clause in _clauses(found[1] or "", found[2]))
        for part in re.split(r"\s*\|\|?\s*", constraint.strip())
    ]


def _clauses(operator: str, version: str) -> list[str]:
    if version == "*":
        return []
    if operator not in ("^", "~"):
        # A bare version means that very one.
        return [f"{operator or '=='}{version}"]
    match = _NUMBER.match(version)
    if match is None:
        raise BuildError(f"{operator}{version!r:.40} is no version", "Correct it in pyproject.toml.")
    numbers = [int(part) for part in match[0].split(".")]
    if operator == "~":
        kept = min(len(numbers), 2)
    else:
        # The first number that is not 0 may not change.
        kept = next((place for place, number in enumerate(numbers, 1) if number), len(numbers))
    upper = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return [f">={version}", f"<{'.'.join(map(str, upper))}"]


def python_marker(constraint: str) -> str:
    """The marker that says for which versions of Python a dependency is meant; "" for all.

    Raises:
        BuildError: it cannot be read.
    """
    alternatives = []
    for specifier in specifiers(constraint):
        if not specifier:
            return ""
        parts = [_python_part(clause) for clause in specifier.split(",")]
        alternatives.append(all_of(*parts))
    return any_of(*alternatives)


def _python_part(clause: str) -> str:
    match = _PYTHON.match(clause)
    if match is None:
        raise BuildError(f"{clause!r:.40} is no version of Python", "Correct it in pyproject.toml.")
    name = (
        "python_full_version" if match[2].count(".") > 1 and not match[2].endswith("*") else "python_version"
    )
    return f'{name} {match[1]} "{match[2]}"'


def all_of(*markers: str) -> str:
    """The marker that holds where all of them do; "" always holds."""
    parts = list(dict.fromkeys(marker for marker in markers if marker))
    return " and ".join(f"({part})" if " or " in part else part for part in parts)


def any_of(*markers: str) -> str:
    """The marker that holds where one of them does."""
    different = list(dict.fromkeys(markers))
    if not markers or "" in different:
        return ""
    if len(different) == 1:
        return different[0]
    return " or ".join(f"({part})" if " and " in part else part for part in different)


def alternatives(value: Any) -> list[dict[str, Any]]:
    """The entries of one dependency: ``"^1"`` and ``[{version = "^1", …}, …]`` alike as tables."""
    found = value if isinstance(value, list) else [value]
    return [item if isinstance(item, dict) else {"version": str(item)} for item in found]


def marker_of(entry: dict[str, Any]) -> str:
    """Where a dependency's entry is meant: by its Python, its platform and its markers."""
    platform = entry.get("platform")
    return all_of(
        python_marker(str(entry.get("python", "*"))),
        f'sys_platform == "{platform}"' if isinstance(platform, str) else "",
        str(entry.get("markers", "")),
    )


def place_of(entry: dict[str, Any]) -> str:
    """The URL that an entry says instead of a version; "" where it says none."""
    if "git" in entry:
        revision = entry.get("rev") or entry.get("tag") or entry.get("branch")
        below = f"#subdirectory={entry['subdirectory']}" if "subdirectory" in entry else ""
        return f"git+{entry['git']}" + (f"@{revision}" if revision else "") + below
    return str(entry.get("url", ""))


def requirement(name: str, entry: dict[str, Any]) -> list[str]:
    """The lines for one entry of a dependency; the marker is told by the caller.

    Raises:
        BuildError: it says alternatives that no requirement line can say.
    """
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    place = place_of(entry)
    if place:
        return [f"{name}{extras} @ {place}"]
    found = specifiers(str(entry.get("version", "*")))
    if len(found) > 1:
        raise BuildError(
            f"{name}: {entry.get('version')!r:.60} says alternatives, which no requirement line can",
            "Commit poetry.lock, which says one version.",
        )
    return [f"{name}{extras}{found[0]}"]
