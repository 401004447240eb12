"""Names of images, written out in full as the engine reads them, and patterns of such names."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

from elsewhere.contract.errors import LaunchError

_HUB: Final = "docker.io"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,128}")
_IDENTITY: Final = re.compile(r"sha256:[0-9a-f]{64}")


def full_name(name: str) -> str:
    """``name`` with its registry and its tag or digest: ``docker.io/library/python:3.11``.

    A digest makes a tag meaningless, as the engine sees it: the tag is left out, so that no pattern
    is satisfied by it. The id of an image stays as it is; a shortened id is read as a name.

    Raises:
        LaunchError: the engine would not take it for the name of an image.
    """
    if _IDENTITY.fullmatch(name):
        return name
    rest, at, digest = name.partition("@")
    tag = ""
    if ":" in rest.rpartition("/")[2]:
        rest, _, tag = rest.rpartition(":")
        _check(_TAG, tag, name)
    domain, path = _split(rest)
    _check(_DOMAIN, domain, name)
    _check(_PATH, path, name)
    if at:
        _check(_DIGEST, digest, name)
        return f"{domain}/{path}@{digest}"
    return f"{domain}/{path}:{tag or 'latest'}"


def matches(full: str, pattern: str) -> bool:
    """Whether the full name of an image is one of those that ``pattern`` means.

    A pattern is written out as names are: ``python:3.*`` is ``docker.io/library/python:3.*``, and
    ``python`` is its tag ``latest`` alone. ``*`` stands for anything, slashes and colons included.
    """
    if pattern != "*" and not pattern.startswith("sha256:"):
        domain, path = _split(pattern)
        pattern = f"{domain}/{path}"
        if "@" not in path and ":" not in path.rpartition("/")[2] and not path.endswith("*"):
            pattern += ":latest"
    return fnmatchcase(full, pattern)


def _split(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not (
        "." in first or ":" in first or first in ("localhost", "*") or first != first.lower()
    ):
        first, rest = _HUB, name
    if first == f"index.{_HUB}":
        first = _HUB
    if first == _HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _check(pattern: re.Pattern[str], part: str, name: str) -> None:
    if not pattern.fullmatch(part):
        raise LaunchError(f"{name!r:.200} is not the name of an image", "Correct the task's image.")
