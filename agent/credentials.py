"""URLs without what they let in: for messages, logs and files that others read."""

from __future__ import annotations

import re

# Greedy up to the last @ before the path: a password may hold an @ that nobody escaped.
_USER = re.compile(r"(?<=://)[^/\s'\"]*@")


def without_credentials(text: str) -> str:
    """``text`` with the ``user:password@`` of every URL in it taken out."""
    return _USER.sub("", text)
