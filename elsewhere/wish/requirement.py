"""Requirement lines that a user gives: what pip would read of them, and what may travel with a task."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from elsewhere.capture.installed import canonical
from elsewhere.capture.url import redacted
from elsewhere.contract.errors import UsageError

LONGEST_LINE: Final = 2000
"""Characters. Longer ones are no requirement that a person has written."""

_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRAS: Final = r"(?:\s*\[[A-Za-z0-9._,\s-]*\])?"
_CLAUSE: Final = r"(?:===\s*[A-Za-z0-9._+!-]+|(?:~=|==|!=|<=|>=|<|>)\s*[vV]?[0-9][A-Za-z0-9._*+!-]*)"
_VERSIONS: Final = rf"(?:\s*\(?\s*{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?\s*\)?)?"
_BY_NAME: Final = re.compile(rf"{_NAME.pattern}{_EXTRAS}(?:{_VERSIONS}|\s*@\s*\S+)(?:\s*;.+)?")
_BY_ADDRESS: Final = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z+]+://\S+(?:\s*;.+)?")
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")
_SSH_USER: Final = re.compile(r"(?<=ssh://)[^/\s:@]+@")
_OPTIONS: Final = frozenset(
    {"--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--no-index", "--no-binary",
     "--only-binary", "--pre", "--prefer-binary"}
)  # fmt: skip
"""Options of pip's that mean the same wherever they are read."""
_VERSION: Final = re.compile(_CLAUSE)
_AS_PIP: Final = "Write it as pip reads it, such as numpy==2.1, torch>=2,<3 or name @ URL."


def checked_line(line: str) -> str:
    """``line`` without a comment and surrounding space, if it may be part of a task.

    Raises:
        UsageError: it is more than one line, nothing that pip would read, means a place on this
            machine's disk, or carries credentials; the message never holds these.
    """
    if not isinstance(line, str):
        raise UsageError(f"the requirement {line!r:.80} is no text", _AS_PIP)
    text = _COMMENT.sub("", line).strip()
    shown = repr(redacted(text)[:80])
    if "\n" in line or "\r" in line:
        raise UsageError(f"the requirement {shown} is more than one line", "Give a list with one in each.")
    if not text.isprintable() or len(text) > LONGEST_LINE:
        raise UsageError(f"{shown} is no requirement", _AS_PIP)
    if _carries_credentials(text):
        raise UsageError(
            f"the requirement {shown} carries credentials, and whoever sees a task would see them",
            "Give that index to the agent: [packages] extra_index_urls in its elsewhere.toml. Private "
            "repositories are reached by its own ssh agent or netrc file.",
        )
    if _VARIABLE.search(text):
        raise UsageError(
            f"the requirement {shown} holds a variable",
            "No variable of an agent goes into a task: fill it in.",
        )
    if not _is_plain(text):
        raise UsageError(f"{shown} is no requirement that means the same on another machine", _AS_PIP)
    return text


def checked_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """``lines`` as ``checked_line`` leaves them, without those that are empty.

    Raises:
        UsageError: as ``checked_line``, or something in it is no text.
    """
    return tuple(text for line in lines if (text := checked_line(line)))


def name_of(line: str) -> str:
    """The canonical name of what a line requires; "" for an address or an option."""
    match = _NAME.match(line)
    return "" if match is None or line[match.end() :].startswith(("+", "://")) else canonical(match[0])


def pinned(name: str, version: str | None) -> str:
    """The line for ``name`` in a version: ``1.2`` means ``==1.2``, "" any, None the one installed here.

    Raises:
        UsageError: it makes no requirement.
    """
    line, semicolon, marker = checked_line(name).partition(";")
    line = line.strip()
    if version is None:
        version = "" if _VERSION.search(line) or "@" in line else _installed(line)
    if not isinstance(version, str):
        raise UsageError(
            f"the version {version!r:.40} of {line} is no text", "Put it in quotes, such as '2.10'."
        )
    version = version.strip()
    if version and not version.startswith(("=", "<", ">", "~", "!", "@", ";")):
        version = f"=={version}"
    return checked_line(f"{line}{version}{semicolon}{marker}")


def read_lines(path: Path) -> tuple[str, ...]:
    """The lines of a requirements file as pip reads them: joined, without comments.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        text = decoded(path.read_bytes())
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"the requirements file {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            "Name a text file; requirements themselves are a list, such as ['numpy==2.1'].",
        ) from None
    return tuple(line for _, line in logical_lines(text))


def are_plain(lines: Iterable[str]) -> bool:
    """Whether the lines mean the same without the file, and the folder, that they stand in."""
    return all(_is_plain(line) for line in lines)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file with the numbers they begin at: joined, without comments."""
    pending, began = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        began = began or number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            pending += raw[:-1].strip() + " "
            continue
        line = _COMMENT.sub("", pending + ("" if is_comment else raw)).strip()
        if line:
            yield began, line
        pending, began = "", 0
    if pending.strip():
        yield began, pending.strip()


def decoded(data: bytes) -> str:
    """The text of a requirements file, by the mark that it begins with, else UTF-8.

    Raises:
        UnicodeError: it is none.
    """
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                           (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(encoding)
    return data.decode("utf-8")


def _is_plain(line: str) -> bool:
    if "file:" in line:
        return False
    if line.startswith("-"):
        option, _, value = line.replace("=", " ", 1).partition(" ")
        return option in _OPTIONS and (not value.strip() or "://" in value or "binary" in option)
    return not line or bool(_BY_NAME.fullmatch(line) or _BY_ADDRESS.fullmatch(line))


def _carries_credentials(text: str) -> bool:
    # The user alone of an ssh address lets nobody in; behind a `?` stand tokens.
    bare = _SSH_USER.sub("", text)
    return redacted(bare) != bare


def _installed(line: str) -> str:
    import importlib.metadata

    match = _NAME.match(line)
    try:
        return f"=={importlib.metadata.version(match[0])}" if match else ""
    except importlib.metadata.PackageNotFoundError:
        return ""
