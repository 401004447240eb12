"""Where packages are to come from."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Packages
from elsewhere.wish.wish import Wish

ORIGINS: Final = ("recorded", "requirements", "lock", "none")
"""Where packages may come from, beside ``existing:PATH``."""
ORIGINS_TO_CHOOSE: Final = (
    f"Choose one of {', '.join(ORIGINS)} or existing:PATH, its full path on the agent's machine."
)

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def is_origin(origin: str) -> bool:
    """Whether packages can come from there; "" leaves the choice to somebody else."""
    kind, _, path = origin.partition(":")
    # A path from the folder of a desk or of an agent would be another one on each machine.
    return not origin or origin in ORIGINS or (kind == "existing" and path.startswith(("/", "~")))


def checked_packages(
    origin: str = "", requirements_files: Sequence[str] = (), no_build_isolation: Sequence[str] = ()
) -> Packages:
    """The three fields of packages that users ask for; files alone mean the origin ``requirements``.

    Raises:
        UsageError: there is no such origin, it goes without files, or a name is none.
    """
    origin = origin or ("requirements" if requirements_files else "")
    if not is_origin(origin):
        raise UsageError(f"packages cannot come from {origin!r:.60}", ORIGINS_TO_CHOOSE)
    if requirements_files and origin != "requirements":
        raise UsageError(
            f"requirements files say nothing where packages come from {origin!r}",
            "Leave the files out, or take packages from requirements.",
        )
    for name in no_build_isolation:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r:.60} is no package's name", "Give a name alone, such as flash-attn.")
    return Packages(
        origin=origin,
        requirements_files=tuple(requirements_files),
        no_build_isolation=tuple(no_build_isolation),
    )


def asked_packages(
    packages: str | os.PathLike[str] | Sequence[str] | None = None,
    origin: str = "",
    requirements_files: Sequence[str] = (),
    no_build_isolation: Sequence[str] = (),
    *,
    here: bool = True,
) -> Wish:
    """What scripts ask for, as a wish of packages alone.

    Args:
        packages: Requirement lines, the path of a file with such, or an origin; "" or no lines for none.
        origin: Where packages come from.
        requirements_files: Files of the tree.
        no_build_isolation: Names.
        here: Whether the tree stands here, so that a file in it may be named which is more than lines.

    Raises:
        UsageError: as ``checked_packages`` and ``checked_lines``, there is no such file, or two things
            contradict each other.
    """
    if isinstance(packages, (bool, int)):
        raise UsageError(f"packages={packages!r} are no requirements", "Give a list such as ['numpy==2.1'].")
    if isinstance(packages, str) and packages and is_origin(packages) and not origin:
        origin = packages
        packages = None
    files = tuple(requirements_files)
    lines: tuple[str, ...] | None = None
    if isinstance(packages, (str, os.PathLike)) and os.fspath(packages):
        path = Path(packages).expanduser()
        if here and path.is_file() and not _plain(path):
            files = (*files, str(path))
        else:
            lines = lines_of_file(packages)
    elif packages is not None:
        from elsewhere.wish.requirement import checked_lines

        lines = checked_lines(() if isinstance(packages, (str, os.PathLike)) else packages)
    if lines is not None and (files or origin not in ("", "recorded")):
        raise UsageError(
            f"requirement lines say nothing where packages come from {origin or 'requirements'!r}",
            "Give either of them.",
        )
    checked = checked_packages(origin, files, no_build_isolation)
    return Wish(
        origin=checked.origin,
        requirements_files=checked.requirements_files,
        no_build_isolation=checked.no_build_isolation,
        requirements=lines,
    )


def names_file(text: str | os.PathLike[str]) -> bool:
    """Whether this is rather a file than a package: it is there, or is written as none of a package is."""
    name = os.fspath(text)
    return Path(name).expanduser().is_file() or (name.endswith(".txt") and "@" not in name)


def lines_of_file(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The requirement lines of a file here, each of which may travel without it.

    Raises:
        UsageError: it cannot be read, or a line says something that means its folder, or a secret.
    """
    from elsewhere.wish.requirement import checked_lines, read_lines

    if "://" in os.fspath(path):
        from elsewhere.capture.url import redacted

        raise UsageError(
            f"{redacted(os.fspath(path))!r:.120} is no file here",
            "Requirements themselves are a list, such as ['name @ URL'].",
        )
    try:
        return checked_lines(read_lines(Path(path).expanduser()))
    except UsageError as error:
        if os.fspath(path) not in error.what:
            error.what = f"{os.fspath(path)}: {error.what}"
        raise


def _plain(path: Path) -> bool:
    from elsewhere.wish.requirement import are_plain, read_lines

    return are_plain(read_lines(path))
