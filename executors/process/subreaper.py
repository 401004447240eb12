"""Makes the calling process the one that orphans below it are handed to."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36


def become_subreaper() -> bool:
    """Adopt every orphan among our descendants from now on; False where the kernel cannot.

    Without it, a daemon that the command leaves behind becomes a child of init and is
    lost among the other processes of the machine. Not inherited by ``fork``; safe to repeat.
    """
    if sys.platform != "linux":
        return False
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
