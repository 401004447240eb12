"""A lone script: one that stands in no repository and travels whole."""

from __future__ import annotations

from pathlib import Path

from elsewhere.capture.untracked import Untracked, pack
from elsewhere.contract.errors import CaptureError


def carry_script(path: Path, limit: int) -> Untracked:
    """Pack one script as the only file of its tree, even where it is a symbolic link.

    Args:
        path: absolute.
        limit: bytes that it may have.

    Raises:
        UntrackedTooLarge: it has more.
        CaptureError: it cannot be read.
    """
    real = path.resolve()
    packed = pack(real.parent, [real.name], limit)
    if packed.tar is None:
        raise CaptureError(f"{path} cannot be read", "Check its permissions.")
    return packed
