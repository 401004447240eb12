"""A repository elsewhere, which is asked for the commit that a branch or tag stands at."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from elsewhere.capture.command import GitCommand
from elsewhere.capture.repository import find_repository
from elsewhere.capture.url import is_local, redacted, without_credentials
from elsewhere.contract.errors import CaptureError

_FULL: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BEGINNING: Final = re.compile(r"[0-9a-f]{4,63}")
_PATIENCE: Final = {"http.lowSpeedLimit": "1", "http.lowSpeedTime": "20"}
"""Of git, in seconds, with a server that says nothing."""


class Tip(NamedTuple):
    """A commit, and how people call it."""

    repository: str
    """The address that another machine can use, without credentials."""
    commit: str
    branch: str | None


def checked_address(text: str) -> str:
    """The address of a repository: a URL without credentials, or the absolute path of a folder here.

    Raises:
        CaptureError: there is no such folder, or it is no address at all.
    """
    shown = redacted(text)
    if not text.strip() or text.startswith("-") or not text.isprintable():
        raise CaptureError(f"{shown!r:.120} is no address of a repository", "Give a URL or a path.")
    if not is_local(text):
        try:
            return without_credentials(text)
        except ValueError as error:
            raise CaptureError(
                f"{shown!r:.120} is no address of a repository: {error}", "Give a URL or a path."
            ) from None
    if text.startswith("file://"):
        return text
    path = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - links stay links
    if not path.is_dir():
        raise CaptureError(f"There is no repository at {path}", "Give a URL, or the path of a folder.")
    return str(path)


def is_working_copy(address: str) -> bool:
    """Whether a path holds files that somebody works on, and not a bare repository."""
    return is_local(address) and "://" not in address and (Path(address) / ".git").exists()


def find_tip(address: str, branch: str | None = None, commit: str | None = None) -> Tip:
    """The commit that is meant in the repository at ``address``, as ``checked_address`` gave it.

    A full hash is taken as it is, and nobody is asked. Else it is the commit of ``branch`` (or
    tag), the one branch or tag that ``commit`` is the beginning of, or what is checked out by
    default. Of a working copy here it is what it stands at, told by the remote that has it.

    Raises:
        CaptureError: the repository does not answer, or has no such branch, tag or commit.
        MissingDependency: GitPython is not installed.
    """
    if is_working_copy(address):
        return _of_working_copy(Path(address), branch, commit)
    if commit is not None and _FULL.fullmatch(commit):
        return Tip(address, commit, branch)
    references = _ask(address)
    if commit is not None:
        return Tip(address, _beginning_with(commit, references, address), branch)
    if branch is None:
        return Tip(address, *_default(references, address))
    for name in (f"refs/heads/{branch}", f"refs/tags/{branch}^{{}}", f"refs/tags/{branch}", branch):
        if name in references.commits:
            return Tip(address, references.commits[name], branch)
    names = sorted(name.removeprefix("refs/heads/") for name in references.commits if "refs/heads/" in name)
    raise CaptureError(
        f"{address} has no branch or tag {branch!r:.80}",
        f"Its branches are: {', '.join(names[:10]) or 'none'}.",
    )


class _References(NamedTuple):
    commits: dict[str, str]
    head: str | None
    """The branch that is checked out by default."""


def _ask(address: str) -> _References:
    answer = GitCommand(Path.cwd()).run("ls-remote", "--symref", "--", address, settings=_PATIENCE)
    if answer.status != 0:
        lines = [line for line in answer.message.splitlines() if line.strip()] or ["no reason given"]
        reason = next((line for line in lines if line.startswith("fatal:")), lines[0])
        raise CaptureError(
            f"the repository {address} cannot be asked for its commits: {reason}",
            "Give commit= as a full hash, which nobody here is asked for. Credentials in a URL are not "
            "used: let git know them (a credential helper, an ssh key).",
        )
    commits, head = {}, None
    for line in answer.output.decode(errors="replace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: refs/heads/") if name == "HEAD" else head
        else:
            commits[name] = value
    return _References(commits, head)


def _default(references: _References, address: str) -> tuple[str, str | None]:
    if "HEAD" not in references.commits:
        raise CaptureError(
            f"{address} has no commit yet, or none that is checked out by default", "Give branch=."
        )
    return references.commits["HEAD"], references.head


def _beginning_with(commit: str, references: _References, address: str) -> str:
    found = {value for value in references.commits.values() if value.startswith(commit)}
    if not _BEGINNING.fullmatch(commit) or len(found) != 1:
        raise CaptureError(
            f"{commit!r:.80} is no full hash, nor the beginning of the newest commit of one branch or tag of "
            f"{address}",
            "Give all 40 digits: git rev-parse COMMIT",
        )
    return found.pop()


def _of_working_copy(root: Path, branch: str | None, commit: str | None) -> Tip:
    repository = find_repository(root)
    if repository is None:
        raise CaptureError(f"{root} is no git repository", "Give the path of one, or a URL.")
    git = repository.git
    wanted = commit or branch
    answer = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted or 'HEAD'}^{{commit}}")
    if answer.status != 0:
        if wanted is None:
            raise CaptureError(f"{root} has no commit yet", "Commit first, or name another repository.")
        what = "commit" if commit else "branch or tag"
        raise CaptureError(f"{root} has no {what} {wanted!r:.80}", "`git log --all` shows what it has.")
    found = answer.output.decode().strip()
    name = branch or (repository.branch if wanted is None else None)
    if repository.remote is None:
        return Tip(str(repository.root), found, name)
    if not git.read(
        "branch", "--remotes", "--list", f"{repository.remote.name}/*", "--contains", found
    ).strip():
        raise CaptureError(
            f"commit {found[:12]} of {root} is not on its remote {repository.remote.name!r}, which the run "
            "would be rebuilt from",
            "Push it first.",
        )
    return Tip(repository.remote.url, found, name)
