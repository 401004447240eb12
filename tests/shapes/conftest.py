"""A desk and an agent's machine that share nothing but what a user would let them share."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.workspace import GitConfig, rebuild
from elsewhere.capture import Capture
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.spec import Source
from tests.capture.conftest import Desk
from tests.capture.rebuild import git

Files = dict[str, tuple[str, bytes]]
"""For each path its mode (``100644``, ``100755``, ``120000``) and its bytes."""


@dataclass
class Bench:
    """Where the desks of one test stand, and the machine that rebuilds their trees."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    notes: list[str] = field(default_factory=list)

    def desk(self, name: str = "desk", *options: str) -> Desk:
        """A repository without a commit."""
        root = self.folder / name
        root.mkdir()
        git(root, "init", "-q", *options)
        return Desk(root)

    def started(self, name: str = "desk") -> Desk:
        """A repository with one pushed commit, whose remote is a path that the agent sees, too."""
        desk = self.desk(name)
        desk.write("train.py", "print('hello')\n")
        desk.write("data/table.csv", "a,b\n1,2\n")
        desk.write("run.sh", "#!/bin/sh\n", mode=0o755)
        desk.write(".gitignore", "*.log\n.venv/\n")
        desk.commit("first")
        desk.publish(self.folder / "remotes" / f"{name}.git")
        return desk

    def clone(self, url: str, name: str, *options: str) -> Desk:
        git(self.folder, "clone", "-q", *options, url, name)
        return Desk(self.folder / name)

    def remote(self, name: str) -> Path:
        return self.folder / "remotes" / f"{name}.git"

    def rebuilt(self, captured: Capture, config: GitConfig | None = None) -> Path:
        """The captured tree, rebuilt on a machine whose user has configured nothing."""
        home = self.folder / "agent"
        home.mkdir(exist_ok=True)
        blobs = {hashlib.sha256(data).hexdigest(): data for data in captured.payloads}
        tree = self.folder / "agent" / "workspaces" / "task-1"
        with self.monkeypatch.context() as machine:
            machine.setenv("HOME", str(home))
            machine.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
            rebuild(
                decode(Source, encode(captured.spec.source)),
                tree,
                repositories=home / "repositories",
                fetch=lambda blob: blobs[blob.sha256],
                note=self.notes.append,
                config=config or GitConfig(),
            )
        return tree


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n'
    )
    return Bench(tmp_path, monkeypatch)


@pytest.fixture
def lfs_bench(bench: Bench) -> Bench:
    """A desk whose user has installed git-lfs."""
    if shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed (apt install git-lfs)")
    git(bench.folder, "lfs", "install", "--skip-repo")
    return bench


def settled(desk: Desk) -> Desk:
    """The desk an hour later: git's index vouches for every file that it takes for unchanged."""
    for path in git(desk.root, "ls-files", "-z").split(b"\0"):
        place = desk.root / os.fsdecode(path)
        if place.is_file() and not place.is_symlink():
            status = place.stat()
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns - 3600 * 10**9))
    # Whether files need an update is no matter here.
    subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=desk.root, capture_output=True)
    return desk


def desk_files(root: Path) -> Files:
    """What is at the desk and not ignored, in submodules that are checked out, too."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    keeps_modes = git(root, "config", "--default", "true", "core.fileMode").strip() == b"true"
    modes = {} if keeps_modes else _modes_of_index(root)
    files: Files = {}
    for path in {os.fsdecode(path) for path in listed.split(b"\0") if path}:
        place = root / path
        if place.is_symlink() or place.is_file():
            mode, content = _look(place)
            files[path] = modes.get(path, mode), content
        elif (place / ".git").exists():
            files.update({f"{path.rstrip('/')}/{name}": file for name, file in desk_files(place).items()})
    return files


def tree_files(root: Path) -> Files:
    """All that is in a rebuilt tree, but for git's own folders."""
    found: Files = {}
    for folder, folders, names in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            path = Path(folder) / name
            found[path.relative_to(root).as_posix()] = _look(path)
    return found


def _modes_of_index(root: Path) -> dict[str, str]:
    records = git(root, "ls-files", "-z", "--stage").split(b"\0")
    return {os.fsdecode(record.partition(b"\t")[2]): record[:6].decode() for record in records if record}


def _look(path: Path) -> tuple[str, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "120000", os.fsencode(path.readlink())
    return ("100755" if mode & stat.S_IXUSR else "100644"), path.read_bytes()
