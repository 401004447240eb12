"""Who is at the desk, in words that others understand."""

from __future__ import annotations

import getpass
import socket


def person() -> str:
    """The user and the machine, such as ``ada@desk``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"  # a container's user id that has no name
    return f"{user}@{socket.gethostname()}"
