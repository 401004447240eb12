"""The git repository that a script stands in: root, commit, branch, remote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elsewhere.capture.command import GitCommand
from elsewhere.capture.url import resolved
from elsewhere.contract.errors import CaptureError


@dataclass(frozen=True)
class Remote:
    """A remote of the repository."""

    name: str
    url: str
    """For another machine: without credentials; a path is absolute."""


@dataclass(frozen=True)
class Repository:
    """A repository as it stood when it was looked at."""

    root: Path
    """Root of the working tree, symbolic links resolved."""
    git: GitCommand
    """Runs in ``root``."""
    folder: Path
    """Git's own folder for this working tree; that of a linked worktree is not shared."""
    shared_folder: Path
    """Git's folder that all worktrees of the repository share."""
    commit: str | None
    """Full hash of HEAD; None before the first commit."""
    branch: str | None
    """None when HEAD is detached."""
    remote: Remote | None
    """Where the other machine will fetch from."""
    other_remotes: tuple[str, ...]
    converts_line_ends: bool
    """Whether the user's configuration changes line ends between commit and working tree."""
    shallow_boundary: tuple[str, ...]
    """Commits whose parents were left out when the repository was cloned."""
    keeps_modes: bool = True
    """Whether the working tree's executable bits are to be believed, or else those of the index."""
    attributes_file: str | None = None
    """The user's own file of attributes, where the configuration names one."""

    @cached_property
    def identity(self) -> str | None:
        """Hash of the first commit, by the line of first parents; None before it."""
        if self.commit is None:
            return None
        roots = self.git.read("rev-list", "--max-parents=0", "--first-parent", self.commit)
        return roots.decode().split()[-1]


def find_repository(folder: Path) -> Repository | None:
    """The repository that ``folder`` is in, or None.

    Raises:
        CaptureError: there is one, but git is missing, refuses it or finds it broken.
    """
    # Looked for by hand first, so that a lone script needs no git.
    if not any(os.path.lexists(parent / ".git") for parent in (folder, *folder.parents)):
        return None
    git = GitCommand(folder)
    answer = git.run(
        "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--is-shallow-repository"
    )
    if answer.status != 0:
        if "not a git repository (or any" in answer.message:
            return None
        raise git.failure("rev-parse", answer.message)
    lines = os.fsdecode(answer.output).splitlines()
    if len(lines) != 4:
        raise CaptureError(f"git gave no usable paths for {folder}", "Move it to a path without line breaks.")
    root, own, shared, shallow = lines
    # The shared folder is told relative to where git ran.
    return _describe(Path(root), Path(own), (folder / shared).resolve(), shallow == "true")


def _describe(root: Path, own: Path, shared: Path, shallow: bool) -> Repository:
    git = GitCommand(root)
    settings = _read_settings(git)
    commit, branch = _read_head(git)
    remotes = _remotes(settings, root)
    chosen = _choose(remotes, settings, branch)
    boundary = (shared / "shallow").read_text().split() if shallow else []
    return Repository(
        root=root,
        git=git,
        folder=own,
        shared_folder=shared,
        commit=commit,
        branch=branch,
        remote=chosen,
        other_remotes=tuple(name for name in remotes if chosen is None or name != chosen.name),
        converts_line_ends=settings.get("core.autocrlf", ["false"])[-1].lower() not in _FALSE,
        shallow_boundary=tuple(boundary),
        keeps_modes=settings.get("core.filemode", ["true"])[-1].lower() not in _FALSE,
        attributes_file=settings.get("core.attributesfile", [None])[-1],
    )


_FALSE = frozenset({"false", "no", "off", "0", ""})
_READ = r"^(core\.(autocrlf|filemode|attributesfile)|remote\.|branch\.|url\.)"


def _read_settings(git: GitCommand) -> dict[str, list[str]]:
    answer = git.run("config", "--null", "--get-regexp", _READ)
    # Exit status 1 says that nothing matched.
    if answer.status > 1:
        raise git.failure("config", answer.message)
    settings: dict[str, list[str]] = {}
    for record in os.fsdecode(answer.output).split("\0"):
        key, has_value, value = record.partition("\n")
        settings.setdefault(key, []).append(value if has_value else "true")
    return settings


def _read_head(git: GitCommand) -> tuple[str | None, str | None]:
    answer = git.run("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    if answer.status == 0:
        commit, name = answer.output.decode(errors="replace").split()
        return commit, _branch(name)
    name = git.run("symbolic-ref", "--quiet", "HEAD").output.decode(errors="replace").strip()
    if git.run("rev-parse", "--verify", "--quiet", name or "HEAD").status == 0:
        raise git.failure("rev-parse", answer.message)
    return None, _branch(name)


def _branch(reference: str) -> str | None:
    prefix = "refs/heads/"
    return reference[len(prefix) :] if reference.startswith(prefix) else None


def _remotes(settings: Mapping[str, list[str]], root: Path) -> dict[str, Remote]:
    rewrites = dict(_rewrites(settings))
    remotes = {}
    for key, values in settings.items():
        if key.startswith("remote.") and key.endswith(".url") and values[0]:
            name = key[len("remote.") : -len(".url")]
            remotes[name] = Remote(name, resolved(values[0], root, rewrites))
    return remotes


def _rewrites(settings: Mapping[str, list[str]]) -> Iterable[tuple[str, str]]:
    for key, values in settings.items():
        if key.startswith("url.") and key.endswith(".insteadof"):
            for prefix in values:
                yield prefix, key[len("url.") : -len(".insteadof")]


def _choose(
    remotes: Mapping[str, Remote], settings: Mapping[str, list[str]], branch: str | None
) -> Remote | None:
    upstream = settings.get(f"branch.{branch}.remote", [""])[-1]
    for name in (upstream, "origin", *remotes):
        if name in remotes:
            return remotes[name]
    return None
