"""Desks for the tests: real repositories under a home folder of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elsewhere.capture import Capture, capture
from tests.capture.rebuild import git, require_identical

MIB = 1024 * 1024


@dataclass
class Desk:
    """A repository with files, and what a user does to it."""

    root: Path

    def git(self, *arguments: str, **environment: str) -> str:
        return git(self.root, *arguments, **environment).decode(errors="surrogateescape").strip()

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def commit(self, message: str = "work") -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def capture(self, script: str = "train.py", arguments: Sequence[str] = (), **options: Any) -> Capture:
        limits = {"untracked_limit": 10 * MIB, "bundle_limit": 10 * MIB, "search_path": []}
        return capture(script, arguments, **{**limits, "working_directory": self.root, **options})

    def publish(self, remote: Path, name: str = "origin") -> None:
        """Push the current branch to a bare repository that is made for it."""
        remote.parent.mkdir(parents=True, exist_ok=True)
        git(remote.parent, "init", "-q", "--bare", str(remote))
        self.git("remote", "add", name, str(remote))
        self.git("push", "-q", "--set-upstream", name, "HEAD")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh user: nothing of the machine's git configuration counts."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for key, value in {
        "user.name": "Ada", "user.email": "ada@example.org", "init.defaultBranch": "main",
        "protocol.file.allow": "always", "advice.detachedHead": "false",
    }.items():  # fmt: skip
        git(home, "config", "--global", key, value)
    return home


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[[str], Desk]:
    """Makes a repository without a commit, under the name given."""

    def make(name: str = "desk") -> Desk:
        root = tmp_path / name
        root.mkdir()
        git(root, "init", "-q")
        return Desk(root)

    return make


@pytest.fixture
def desk(make_desk: Callable[[str], Desk]) -> Desk:
    """A repository with a script and one commit, and no remote."""
    desk = make_desk("desk")
    desk.write("train.py", "print('hello')\n")
    desk.write("data/table.csv", "a,b\n1,2\n")
    desk.write("run.sh", "#!/bin/sh\n", mode=0o755)
    desk.write(".gitignore", "*.log\n.venv/\n")
    desk.commit("first")
    return desk


@pytest.fixture
def rebuilt(tmp_path: Path) -> Callable[..., Path]:
    """Requires that a capture rebuilds to the very tree of its desk, and returns that."""

    def check(captured: Capture, without: Sequence[str] = ()) -> Path:
        return require_identical(captured, tmp_path / "elsewhere" / "tree", frozenset(without))

    return check
