"""The container image that is asked for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Image

if TYPE_CHECKING:
    from elsewhere.place import Place
    from elsewhere.wish.wish import Wish


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


def asked_image(
    name: str | Sequence[str] | None,
    arguments: str | Sequence[str] | None = None,
    setup_script: str | Sequence[str] | None = None,
) -> Image | None:
    """An image as scripts name it, with options of its container behind the name or apart; None for none.

    Raises:
        UsageError: as ``checked_image``, or there is no image for arguments and script.
    """
    words = _words(name or "", "image")
    if not words:
        if arguments or setup_script:
            raise UsageError(
                "a container's arguments and setup script say nothing without an image", "Name an image."
            )
        return None
    script = setup_script or ""
    if not isinstance(script, str):
        script = "\n".join(script)
    return checked_image(words[0], [*words[1:], *_words(arguments or "", "container's arguments")], script)


def wished_image(place: Place) -> Image | None:
    """The image that was asked for at a desk so far."""
    found = []

    def look(wish: Wish) -> Wish:
        found.append(wish.image)
        return wish

    place.wish(look)
    return found[0]


def _words(text: str | Sequence[str], what: str) -> list[str]:
    if not isinstance(text, (str, Sequence)):
        raise UsageError(f"the {what} {text!r:.80} is no text", "Give it in quotes.")
    try:
        return shlex.split(text) if isinstance(text, str) else list(text)
    except ValueError as error:
        raise UsageError(f"the {what} cannot be read: {error}", "Quote as in a shell.") from None
