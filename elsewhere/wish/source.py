"""Another source, or another entry into it, than was captured."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Blob, Entry, Source

_ARGUMENTS: Final = re.compile(r"(\.py|\.sh|\.ipynb)\s+\S")


@dataclass(frozen=True)
class SourceWish:
    """Asked for; what is None stays as it was captured."""

    repository: str | None = None
    """As ``elsewhere.capture.remote.checked_address`` gives it."""
    branch: str | None = None
    commit: str | None = None
    diff: bytes | None = None
    """A patch as git writes it; empty for none."""
    working_directory: str | None = None
    entry_point: str | None = None
    """A script's path, from the working directory or from the root of the tree; or ``-m MODULE``."""

    def then(self, later: SourceWish) -> SourceWish:
        """Both, the later one over this one."""
        asked = {name: value for name, value in vars(later).items() if value is not None}
        if "repository" in asked:
            # Branch, commit and diff of the earlier one are those of another repository.
            asked = {"branch": None, "commit": None, "diff": None, **asked}
        elif "branch" in asked:
            asked = {"commit": None, **asked}
        return replace(self, **asked)

    def source_of(self, source: Source) -> Source:
        """The source that is asked for: of another commit nothing that was captured beside it is left.

        Raises:
            CaptureError: the repository does not answer, or has no such branch or commit.
            UsageError: no repository is named, and the run was captured in none.
        """
        if (self.repository, self.branch, self.commit) != (None, None, None):
            source = self._moved(source)
        if self.diff is not None:
            source = replace(source, diff=blob_of(self.diff) if self.diff else None)
        return source

    def entry_of(self, entry: Entry) -> Entry:
        """The entry that is asked for.

        Raises:
            UsageError: it leads out of the tree.
        """
        folder = entry.working_directory
        if self.working_directory is not None:
            folder = inside(self.working_directory, "working directory")
        if self.entry_point is None:
            return replace(entry, working_directory=folder)
        if self.entry_point.startswith("-m "):
            name, *arguments = module_words(self.entry_point.removeprefix("-m "))
            return replace(
                entry,
                script=name,
                kind="module",
                working_directory=folder,
                arguments=tuple(arguments) or entry.arguments,
            )
        script = in_folder(_script_alone(self.entry_point), folder)
        return replace(entry, script=script, kind="script", working_directory=folder)

    def _moved(self, source: Source) -> Source:
        from elsewhere.capture.remote import find_tip

        address = self.repository or source.repository
        if address is None:
            raise UsageError(
                "a branch or commit of no repository is asked for: the run was captured without a remote",
                "Name the repository, too.",
            )
        tip = find_tip(address, self.branch, self.commit)
        if (tip.repository, tip.commit) == (source.repository, source.commit):
            return replace(source, branch=tip.branch or source.branch)
        return Source(repository=tip.repository, commit=tip.commit, branch=tip.branch)


def asked_source(
    repository: str | os.PathLike[str] | None = None,
    branch: str | None = None,
    commit: str | None = None,
    diff: str | None = None,
    working_directory: str | None = None,
    entry_point: str | None = None,
) -> SourceWish:
    """What scripts ask for; "" for a branch or commit is the same as None.

    Raises:
        CaptureError: there is no such folder here, or it is no address.
        UsageError: a path that leads out of the tree, a diff that is none, or a module's name.
    """
    address = None
    if repository is not None:
        from elsewhere.capture.remote import checked_address

        address = checked_address(os.fspath(repository))
    if diff and not diff.lstrip().startswith("diff --git "):
        raise UsageError("the diff is none of git's", "Give what `git diff --binary` writes.")
    if working_directory is not None:
        working_directory = inside(working_directory, "working directory")
    wish = SourceWish(
        address,
        branch or None,
        commit.strip().lower() or None if commit else None,
        None if diff is None else _patch(diff),
        working_directory,
        entry_point,
    )
    # Understood now, so that a wrong word is told where it stands.
    wish.entry_of(Entry(""))
    return wish


def _patch(diff: str) -> bytes:
    if not diff.strip():
        return b""
    # What a shell or a form has cut off; all else of it is content.
    return (diff if diff.endswith("\n") else f"{diff}\n").encode("utf-8", "surrogateescape")


def blob_of(data: bytes) -> Blob:
    """What a spec says of bytes that the store keeps."""
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def inside(path: str, what: str) -> str:
    """``path`` from the root of the tree, tidied up.

    Raises:
        UsageError: it is absolute, or leads out of the tree.
    """
    tidy = posixpath.normpath(path.strip() or ".")
    if PurePosixPath(tidy).is_absolute() or tidy.split("/")[0] in ("..", "~") or not tidy.isprintable():
        raise UsageError(
            f"the {what} {path!r:.120} is not in the repository",
            "Give a path from the root of the repository.",
        )
    return tidy


def _script_alone(entry_point: str) -> str:
    """An entry point that names a script, and neither nothing nor arguments as well.

    Raises:
        UsageError: it does not.
    """
    if not entry_point.strip() or entry_point.startswith("-"):
        raise UsageError(f"the entry point {entry_point!r:.80} names no script", "Name one, or -m MODULE.")
    if found := _ARGUMENTS.search(entry_point):
        raise UsageError(
            f"the entry point {entry_point!r:.120} is a script with arguments",
            f"Name {entry_point[: found.end(1)]!r} alone; arguments are parameters, such as Args/lr.",
        )
    return entry_point


def in_folder(script: str, folder: str) -> str:
    """A script's path from the root of the tree: it may be given from there, or from the run's ``folder``.

    Raises:
        UsageError: it is absolute, or leads out of the tree.
    """
    given = posixpath.normpath(script.strip())
    if folder == "." or given.startswith(f"{folder}/"):
        return inside(given, "script")
    return inside(f"{folder}/{given}" if not given.startswith("/") else given, "script")


def module_words(text: str) -> list[str]:
    """A module's name and the arguments behind it, as a shell would part them.

    Raises:
        UsageError: there is no name, or a quote that nothing closes.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"module={text!r:.80} cannot be read: {error}", "Quote as in a shell.") from None
    if not words or not all(part.isidentifier() for part in words[0].split(".")):
        raise UsageError(f"{text!r:.80} names no module", "Give it with dots, such as 'train.main --lr 0.1'.")
    return words
