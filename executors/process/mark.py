"""The mark of a launch: what its processes carry in their environment, wherever they go.

A process that double-forked and called ``setsid`` has lost its ancestors, its group and
its session, but not its environment. An attempt is told which one it is by
``ELSEWHERE_TASK_ID`` and ``ELSEWHERE_ATTEMPT``; together they are unique, since the attempt
number is the fence. Nothing is added to the environment for the mark's sake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psutil

_VARIABLES: Final = ("ELSEWHERE_TASK_ID", "ELSEWHERE_ATTEMPT")


def mark_of(environment: Mapping[str, str]) -> str | None:
    """The mark of a launch with this environment, one ``NAME=value`` a line; None if it has none."""
    values = [environment.get(name) for name in _VARIABLES]
    if not all(values):
        return None
    return "\n".join(f"{name}={value}" for name, value in zip(_VARIABLES, values, strict=True))


def carries(process: psutil.Process, mark: str) -> bool:
    """Whether ``process`` was started with ``mark`` in its environment, as far as we may know."""
    try:
        return mark_of(process.environ()) == mark
    except (psutil.Error, OSError):
        return False
