"""Names of projects and tasks as people write them."""

from __future__ import annotations

SHORTEST = 3
"""Characters of a project's or task's name: shorter ones say nothing in a list."""


def project_of(name: str) -> str:
    """The project's full name: ``/vision// digits/`` is ``vision/digits``."""
    return "/".join(part.strip() for part in name.split("/") if part.strip())


def checked(what: str, name: str | None) -> str | None:
    """A name that somebody gave for a ``project`` or a ``task``; None where nobody did.

    Raises:
        UsageError: it is no text, or shorter than 3 characters.
    """
    if name is None:
        return None
    if isinstance(name, str):
        name = project_of(name) if what == "project" else name
        if len(name.strip()) >= SHORTEST:
            return name
    from elsewhere.contract.errors import UsageError

    why = "too short" if isinstance(name, str) else "no text"
    raise UsageError(f"the {what} name {name!r} is {why}", f"Give a name of at least {SHORTEST} characters.")
