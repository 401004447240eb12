"""A checkout that borrows its objects: one git process, no lock, nothing left in the cache.

The ``.git`` folder is written by hand (a few small files), its objects are the cached bare
repository's by ``alternates``, and one ``git read-tree`` fills index and tree. Unlike
``git worktree``, nothing is registered in the cache: any number of supervisors check out at
once, a kill leaves only the folder itself, and what the script commits stays in the workspace.
See docs/decisions/workspace-checkout.md.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from agent.credentials import without_credentials
from agent.disk import full
from agent.workspace import git
from agent.workspace.repository import Repository
from elsewhere.contract.errors import WorkspaceError

_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tfilemode = true
\tbare = false
\tautocrlf = false
\thooksPath = {nowhere}
\tattributesFile = {nowhere}
[gc]
\tauto = 0
"""


# Letters that mean something in a pattern, and a space at its end, which would be cut off.
_SPECIAL = re.compile(r"[\\*?\[]| (?= *\Z)")


def check_out(
    repository: Repository,
    commit: str,
    folder: Path,
    *,
    origin: str | None,
    absent: Sequence[str] = (),
) -> None:
    """Fill the empty ``folder`` with the tree of ``commit``, HEAD detached at it.

    The bytes are those of the repository, run through its own ``.gitattributes`` alone: no
    filter, no hook and no setting of the agent's user takes part. ``origin`` is recorded as
    the remote of that name, for scripts that log where they come from. Files and folders that
    ``absent`` names are not written, and git takes them for unchanged.

    Raises:
        WorkspaceError: git refuses the tree, or the cached repository is damaged.
        DiskFull: there is no space for it.
    """
    _lay_out(folder / ".git", repository, commit, origin)
    if absent:
        _leave_out(folder / ".git", absent)
    # Git starts parallel writers from a hundred files on; more than four contend for the disk.
    result = _read_tree(commit, folder, workers=min(4, os.cpu_count() or 1))
    if "unable to write" in result.message:
        # Parallel writers remove what they could not finish; a single one leaves it, and only
        # then does the disk show whether it is full.
        result = _read_tree(commit, folder, workers=1)
    if result.code == 0:
        return
    if result.filled(folder):
        raise full(folder)
    repository.forget(commit)
    raise WorkspaceError(
        f"commit {commit} cannot be checked out: {result.reason}",
        f"Start the task again; if that does not help, remove {repository.folder} on the agent's machine.",
    )


def _read_tree(commit: str, folder: Path, *, workers: int) -> git.Result:
    command = ["-c", f"checkout.workers={workers}", "read-tree", "--reset", "-u", commit]
    return git.local(command, git_dir=folder / ".git", work_tree=folder)


def _lay_out(git_dir: Path, repository: Repository, commit: str, origin: str | None) -> None:
    (git_dir / "objects" / "info").mkdir(parents=True)
    (git_dir / "refs" / "heads").mkdir(parents=True)
    (git_dir / "objects" / "info" / "alternates").write_text(f"{repository.folder / 'objects'}\n")
    if repository.cut:
        # Where the history ends, for git to know that nothing is missing there.
        shutil.copyfile(repository.folder / "shallow", git_dir / "shallow")
    (git_dir / "HEAD").write_text(f"{commit}\n")
    (git_dir / "config").write_text(_config(commit, origin))


def _leave_out(git_dir: Path, absent: Sequence[str]) -> None:
    """Make it a sparse checkout. A name that no pattern can tell is checked out all the same."""
    patterns = [f"!/{_SPECIAL.sub(_escaped, path)}" for path in absent if not set(path) & {"\n", "\r", "\0"}]
    (git_dir / "info").mkdir()
    (git_dir / "info" / "sparse-checkout").write_text("\n".join(["/*", *patterns, ""]))
    with (git_dir / "config").open("a") as config:
        config.write("[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = false\n")


def _escaped(letter: re.Match[str]) -> str:
    return f"\\{letter[0]}"


def borrow(folder: Path, repository: Repository) -> None:
    """Show by the checkout in ``folder`` that some tree within it borrows from ``repository``, too."""
    with (folder / ".git" / "objects" / "info" / "alternates").open("a") as alternates:
        alternates.write(f"{repository.folder / 'objects'}\n")


def _config(commit: str, origin: str | None) -> str:
    sha256 = len(commit) == 64
    text = _CONFIG.format(version=1 if sha256 else 0, nowhere=git.NOWHERE)
    if sha256:
        text += "[extensions]\n\tobjectFormat = sha256\n"
    if origin is not None and origin.isprintable():
        url = without_credentials(origin).replace("\\", "\\\\").replace('"', '\\"')
        text += f'[remote "origin"]\n\turl = "{url}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
    return text
