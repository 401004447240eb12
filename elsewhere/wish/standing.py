"""What was asked for before there was a task: it holds for every run that this process captures."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from elsewhere.capture.installed import canonical
from elsewhere.wish.requirement import checked_line, name_of, pinned
from elsewhere.wish.wish import Wish

if TYPE_CHECKING:
    from collections.abc import Iterable

_lock = threading.Lock()
_wish = Wish()


def standing() -> Wish:
    """All that was asked for so far."""
    return _wish


def add(lines: Iterable[str]) -> None:
    """Ask for these lines, as ``checked_lines`` gave them, beside what is recorded."""
    global _wish
    with _lock:
        _wish = replace(_wish, added=(*_wish.added, *lines))


def add_package(name: str, version: str | None) -> None:
    """Ask for a package in a version, as ``pinned`` reads it.

    Raises:
        UsageError: it makes no requirement.
    """
    add([pinned(name, version)])


def ignore(name: str) -> None:
    """Leave a package out of what is recorded.

    Raises:
        UsageError: it is no name.
    """
    global _wish
    found = name_of(checked_line(name))
    if canonical(name.strip()) != found:
        from elsewhere.contract.errors import UsageError

        raise UsageError(f"{name!r:.60} is no package's name", "Give a name alone, such as pywin32.")
    with _lock:
        _wish = replace(_wish, ignored=(*_wish.ignored, found))


def freeze(wanted: bool, lines: tuple[str, ...] | None = None) -> None:
    """Record all that is installed, or these lines, in place of what the script imports."""
    global _wish
    with _lock:
        _wish = replace(_wish, whole_freeze=wanted and lines is None, requirements=lines if wanted else None)
