"""The head of a git bundle: what must be there before its objects are of use."""

from __future__ import annotations

import re

_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40}(?:[0-9a-f]{24})?)(?: [^\n]*)?\Z")


def prerequisites(bundle: bytes) -> list[str]:
    """Hashes of the commits on which the bundle's own commits stand.

    Raises:
        ValueError: this is no bundle; the text says so.
    """
    if not bundle.startswith(_SIGNATURES):
        raise ValueError("this is no git bundle")
    head, separator, _ = bundle.partition(b"\n\n")
    if not separator:
        raise ValueError("the head of the bundle is cut off")
    lines = head.split(b"\n")[1:]
    found = []
    for line in lines:
        if line.startswith(b"-"):
            match = _PREREQUISITE.match(line)
            if match is None:
                raise ValueError("a line in the head of the bundle makes no sense")
            found.append(match[1].decode())
    return found
