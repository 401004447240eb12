"""What a queue may be called."""

from __future__ import annotations

import re

from elsewhere.contract.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def checked(queue: str) -> str:
    """``queue`` itself, if a queue may be called so.

    RQ joins names with commas and key names with colons, so those are not for names.

    Raises:
        UsageError: it may not.
    """
    if not isinstance(queue, str) or not _NAME.fullmatch(queue):
        raise UsageError(
            f"{queue!r} is no name for a queue",
            "Use letters, digits, dots, dashes and underscores, 200 at most.",
        )
    return queue
