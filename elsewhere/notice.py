"""What the person at the desk is told."""

from __future__ import annotations

import sys
from contextlib import suppress


def say(line: str) -> None:
    """Tell it on stderr, in a line of its own."""
    with suppress(OSError, ValueError, AttributeError):  # closed, or none at all
        sys.stderr.write(f"elsewhere: {line}\n")
