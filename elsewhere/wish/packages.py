"""Where packages are to come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Packages

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
