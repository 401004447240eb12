"""The container image that is asked for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Image


def checked_image(name: str, arguments: str | Sequence[str] = (), setup_script: str = "") -> Image:
    """An image with the arguments of its container, as words or as a shell writes them in one text.

    Raises:
        UsageError: the name or the arguments cannot be understood.
    """
    if not name or name.startswith("-") or any(letter.isspace() for letter in name):
        raise UsageError(
            f"{name!r:.80} names no image", "Name one such as python:3.12 or registry/team/image."
        )
    try:
        words = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
    except ValueError as error:
        raise UsageError(
            f"the container's arguments cannot be read: {error}", "Quote them as in a shell."
        ) from None
    return Image(name, tuple(words), setup_script)
