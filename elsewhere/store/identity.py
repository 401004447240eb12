"""Task ids, and the prefixes by which people name them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence

from elsewhere.contract.errors import AmbiguousTask, TaskNotFound

_PREFIX = re.compile(r"[0-9a-f]{1,32}")
SHOWN = 5
"""How many candidates an error lists."""


def new_id() -> str:
    """32 random hexadecimal digits."""
    return uuid.uuid4().hex


def resolve(prefix: str, beginning_with: Callable[[str, int], Sequence[str]]) -> str:
    """The one id that begins with ``prefix``; ``beginning_with(prefix, limit)`` looks them up.

    Raises:
        TaskNotFound: there is none.
        AmbiguousTask: there are several.
    """
    wanted = prefix.strip().lower()
    found = beginning_with(wanted, SHOWN + 1) if _PREFIX.fullmatch(wanted) else []
    if not found:
        raise TaskNotFound(f"no task's id begins with {prefix!r}")
    if len(found) > 1:
        listed = ", ".join(task_id[: max(12, len(wanted) + 4)] for task_id in found[:SHOWN])
        more = ", …" if len(found) > SHOWN else ""
        raise AmbiguousTask(f"several tasks' ids begin with {prefix!r}: {listed}{more}")
    return found[0]
