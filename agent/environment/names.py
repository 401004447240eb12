"""Requirement lines: the name in front, and the one form that all spellings of a line have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from elsewhere.contract.errors import BuildError

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*\Z")
_PINNED: Final = re.compile(r"[a-z0-9-]+(?:\[[^\]]*\])?(?:===?[^*,;]+|@.+?| @ .+?)(?:;.*)?\Z")
_OPTIONS: Final = re.compile(r"\s--?[a-z]")


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: str) -> str:
    """The canonical name that a requirement line begins with; "" for a URL, a path or an option."""
    match = _NAME.match(line)
    if match is None or "://" in line.partition(" ")[0].partition("@")[0] or "/" in line[: match.end() + 1]:
        return ""
    return canonical(match[0])


def is_pinned(line: str) -> bool:
    """Whether a normal line says one exact version or place."""
    return _PINNED.match(line) is not None


def normalised(lines: Iterable[str]) -> tuple[str, ...]:
    """Each line once, in its normal form, sorted: the order in which they are listed changes nothing.

    Raises:
        BuildError: one is more than one line.
    """
    found = set()
    for line in lines:
        if "\n" in line or "\r" in line:
            raise BuildError(
                f"a requirement holds more than one line: {line!r:.80}", "Submit the task again."
            )
        text = _COMMENT.sub("", line).strip()
        if text:
            found.add(_normal(text))
    return tuple(sorted(found))


def _normal(line: str) -> str:
    match = _NAME.match(line)
    if match is None or not name_of(line):
        return line
    name = canonical(match[0])
    rest = line[match.end() :].strip()
    if "@" in rest.partition(";")[0]:
        return f"{name} {rest}" if rest.startswith("@") else f"{name}{rest}"
    # Behind the version may stand a marker, behind that options such as hashes.
    options = _OPTIONS.search(rest)
    tail = "" if options is None else " " + " ".join(rest[options.start() :].split())
    versions, semicolon, marker = rest[: None if options is None else options.start()].partition(";")
    versions = re.sub(r"\s+", "", versions)
    return f"{name}{versions}; {marker.strip()}{tail}" if semicolon else f"{name}{versions}{tail}"


def pins(freeze: Iterable[str]) -> tuple[str, ...]:
    """The lines of a freeze that say a version; places on the desk's disk mean nothing here."""
    lines = normalised(freeze)
    return tuple(line for line in lines if "==" in line and "@" not in line and not line.startswith("-"))
