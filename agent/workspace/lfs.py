"""The content that git-lfs holds, put in the place of its pointers.

Git's checkout leaves all pointers as they are: no filter runs there. What the desk had filled in
is fetched here by one ``git lfs fetch`` into the cached repository, which all attempts share,
and copied from there. With all of it cached, git-lfs is not started.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.workspace import git
from agent.workspace.address import protocol, refuse_strange, resolved, rewritten
from agent.workspace.config import GitConfig
from agent.workspace.path import refuse_links, refuse_unsafe
from agent.workspace.repository import Repository
from elsewhere.contract.errors import WorkspaceError

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\noid sha256:([0-9a-f]{64})\r?\nsize (\d{1,18})\r?\n\Z"
)
_MOST_BYTES = 1024
_NAMED = 5
_REMOTE = "elsewhere"
_ORIGIN = "the list of git-lfs files"

# For the user's script: without this its `git diff` would show each file as changed.
_FILTER = """\
[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
"""


@dataclass(frozen=True)
class _Wanted:
    """A file to fill in."""

    path: bytes
    sha256: str
    size: int

    def cached(self, repository: Repository) -> Path:
        """Where the cache keeps its content, in the layout of git-lfs itself."""
        return repository.folder / "lfs" / "objects" / self.sha256[:2] / self.sha256[2:4] / self.sha256

    def missing(self, repository: Repository) -> bool:
        try:
            return self.cached(repository).stat().st_size != self.size
        except FileNotFoundError:
            return True


def fill(
    listed: bytes,
    folder: Path,
    repository: Repository,
    url: str | None,
    config: GitConfig,
    note: Callable[[str], None],
) -> int:
    """Fill in the files of the checkout in ``folder`` that are ``listed``, and return their number.

    Args:
        listed: their paths, each ended by a zero byte; all are pointers now.
        folder: the checkout.
        repository: what it borrows from, and where the content is cached.
        url: where the origin is.
        config: how to get there.
        note: takes lines for the task's log.

    Raises:
        UnsafeSource: a path that is refused.
        WorkspaceError: a file that is no pointer, content that cannot be had, or no git-lfs here.
    """
    wanted = _read(listed, folder)
    missing = [file for file in wanted if file.missing(repository)]
    if missing:
        with repository.fetching(note):
            missing = [file for file in wanted if file.missing(repository)]
            reason = _fetch(missing, folder, repository, url, config, note) if missing else ""
        missing = [file for file in wanted if file.missing(repository)]
        if missing:
            raise WorkspaceError(
                f"git-lfs did not get {_named(missing)}: {reason or 'it does not say why'}",
                "Push the files' content (git lfs push), and let this agent's user read it.",
            )
    for file in wanted:
        _replace(folder / os.fsdecode(file.path), file.cached(repository))
    _forget_sizes(wanted, folder)
    with (folder / ".git" / "config").open("a") as settings:
        settings.write(_FILTER)
    return len(wanted)


def _read(listed: bytes, folder: Path) -> list[_Wanted]:
    paths = listed.split(b"\0")
    if paths.pop():
        raise WorkspaceError(f"{_ORIGIN} is cut off", "Submit the task again.")
    for path in paths:
        refuse_unsafe(path, _ORIGIN)
    refuse_links(paths, folder, _ORIGIN)
    wanted = []
    for path in paths:
        try:
            with (folder / os.fsdecode(path)).open("rb") as file:
                match = _POINTER.match(file.read(_MOST_BYTES))
        except OSError:
            match = None
        if match is None:
            raise WorkspaceError(
                f"{os.fsdecode(path)!r} is no pointer of git-lfs in this commit, though the task says so",
                "Submit the task again.",
            )
        wanted.append(_Wanted(path, match[1].decode(), int(match[2])))
    return wanted


def _fetch(
    missing: list[_Wanted],
    folder: Path,
    repository: Repository,
    url: str | None,
    config: GitConfig,
    note: Callable[[str], None],
) -> str:
    """Have git-lfs fetch what is missing, and return what it says where it fails."""
    if shutil.which("git-lfs") is None:
        raise WorkspaceError(
            f"git-lfs is not installed on this machine, and it holds the content of {_named(missing)}",
            "Install it there (for example: apt install git-lfs), or submit with pointers alone.",
        )
    if url is None:
        return "the repository has no remote URL"
    if protocol(rewritten(url, config)) not in config.protocols:
        return f"{protocol(rewritten(url, config))} may not be spoken, by the agent's settings"
    _refuse_strange_servers(folder, url, config)
    note(f"fetching {len(missing)} files by git-lfs, {sum(file.size for file in missing)} bytes")
    tree = _tree_of(missing, folder)
    settings = {
        f"remote.{_REMOTE}.url": rewritten(url, config),
        "lfs.fetchinclude": "",
        "lfs.fetchexclude": "",
        "lfs.skipdownloaderrors": "false",
    }
    with _shared_storage(folder, repository):
        result = git.network(
            ["lfs", "fetch", _REMOTE, tree],
            git_dir=folder / ".git",
            work_tree=folder,
            config=config,
            settings=settings,
        )
    repository.checked(result)
    lines = [line.strip() for line in result.message.splitlines() if line.strip()]
    return "; ".join(lines[-_NAMED:])


@contextmanager
def _shared_storage(folder: Path, repository: Repository) -> Iterator[None]:
    """Have git-lfs keep in the cache what it fetches, also the half of a file that it can go on with.

    Not by its setting for this: that would hold for the remote, too, where the remote is a path.
    """
    cache, storage = repository.folder / "lfs", folder / ".git" / "lfs"
    cache.mkdir(exist_ok=True)
    storage.symlink_to(cache, target_is_directory=True)
    try:
        yield
    finally:
        storage.unlink()


def _tree_of(missing: list[_Wanted], folder: Path) -> str:
    """A tree of the missing pointers alone.

    It is what git-lfs is asked for: by the commit it would fetch everything, and by patterns it
    cannot tell every name.
    """
    index = _index_of(folder)
    entries = [
        b"100644 blob %b\t%d\0" % (index[file.path].split(b" ")[1], number)
        for number, file in enumerate(missing)
    ]
    made = git.local(["mktree", "-z"], git_dir=folder / ".git", work_tree=folder, data=b"".join(entries))
    if made.code != 0:
        raise WorkspaceError(f"the pointers of git-lfs cannot be listed: {made.reason}", "")
    return made.output.decode().strip()


def _forget_sizes(filled: list[_Wanted], folder: Path) -> None:
    """Have the index forget how large the pointers were: by that alone git would call each file changed."""
    index = _index_of(folder)
    records = b"".join(index[file.path] + b"\0" for file in filled)
    command = ["update-index", "-z", "--index-info"]
    done = git.local(command, git_dir=folder / ".git", work_tree=folder, data=records)
    if done.code != 0:
        raise WorkspaceError(f"the index of {folder} cannot be written: {done.reason}", "")


def _index_of(folder: Path) -> Mapping[bytes, bytes]:
    """For each path of the index its record: mode, hash, stage, and the path itself."""
    listed = git.local(["ls-files", "--stage", "-z"], git_dir=folder / ".git", work_tree=folder)
    return {record.partition(b"\t")[2]: record for record in listed.output.split(b"\0") if record}


def _refuse_strange_servers(folder: Path, url: str, config: GitConfig) -> None:
    """The tree itself may send git-lfs to other servers; they must be as safe as a submodule's."""
    if not os.path.lexists(folder / ".lfsconfig"):
        return
    if (folder / ".lfsconfig").is_symlink():
        raise WorkspaceError(".lfsconfig is a symbolic link", "Make it a file, and commit that.")
    pattern = r"^(lfs\.(.*\.)?(push)?url|remote\..*\.(lfs)?(push)?url)$"
    command = ["config", "--no-includes", "--file", ".lfsconfig", "--null", "--get-regexp", pattern]
    found = git.local(command, git_dir=folder / ".git", work_tree=folder)
    for record in found.output.split(b"\0"):
        _key, _, server = record.partition(b"\n")
        if server:
            refuse_strange(resolved(os.fsdecode(server), url), url, "the .lfsconfig of the tree", config)


def _replace(path: Path, content: Path) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    path.unlink()
    shutil.copyfile(content, path, follow_symlinks=False)
    path.chmod(mode)


def _named(files: list[_Wanted]) -> str:
    names = ", ".join(repr(os.fsdecode(file.path)) for file in files[:_NAMED])
    return f"{names} and {len(files) - _NAMED} more" if len(files) > _NAMED else names
