"""What is fetched is little: the wanted commit, and more only where the server offers nothing less."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.workspace import GitConfig
from elsewhere.contract.spec import Source
from tests.workspace.forge import Forge, serving, serving_files

if TYPE_CHECKING:
    from .conftest import Desk, Origin


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).rstrip("\n")


@pytest.fixture
def long(origin: Origin) -> Origin:
    """An origin with a history of five commits."""
    for number in range(4):
        origin.write("train.py", f"version {number}\n")
        origin.commit(f"number {number}")
    return origin


def test_the_wanted_commit_is_fetched_without_its_history(long: Origin, desk: Desk) -> None:
    tree = desk.rebuild(Source(long.url, long.git("rev-parse", "HEAD")))
    assert git(tree, "log", "--format=%s") == "number 3"
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "rev-parse", "--is-shallow-repository") == "true"


def test_the_depth_is_a_setting_and_0_means_the_whole_history(long: Origin, desk: Desk) -> None:
    source = Source(long.url, long.git("rev-parse", "HEAD"))
    assert git(desk.rebuild(source, config=GitConfig(depth=2)), "rev-list", "--count", "HEAD") == "2"
    newer = Source(long.url, long.commit("newer"))
    assert git(desk.rebuild(newer, config=GitConfig(depth=0)), "rev-list", "--count", "HEAD") == "6"


def test_a_cache_with_a_cut_history_serves_older_newer_and_unrelated_commits(
    long: Origin, desk: Desk
) -> None:
    newest = long.git("rev-parse", "HEAD")
    oldest = long.git("rev-list", "--max-parents=0", "HEAD")
    middle = long.git("rev-parse", "HEAD~2")
    desk.rebuild(Source(long.url, newest))
    for commit in (oldest, middle):
        tree = desk.rebuild(Source(long.url, commit))
        assert git(tree, "rev-parse", "HEAD") == commit
        assert git(tree, "status", "--porcelain") == ""
    long.git("checkout", "-q", "--orphan", "unrelated")
    unrelated = long.commit("unrelated")
    desk.rebuild(Source(long.url, unrelated))
    long.folder.rename(long.folder.with_name("unplugged"))
    for commit in (newest, oldest, middle, unrelated):
        desk.rebuild(Source(long.url, commit))
    assert len(list(desk.repositories.glob("*.git"))) == 1


def test_a_cache_with_a_whole_history_keeps_it(long: Origin, desk: Desk) -> None:
    desk.rebuild(Source(long.url, long.git("rev-parse", "HEAD")), config=GitConfig(depth=0))
    tree = desk.rebuild(Source(long.url, long.commit("newer")))
    assert git(tree, "rev-list", "--count", "HEAD") == "6"


def test_a_bundle_that_counts_on_older_history_gets_it(long: Origin, desk: Desk) -> None:
    pushed = long.git("rev-parse", "HEAD")
    old = long.git("rev-parse", "HEAD~2")
    desk.rebuild(Source(long.url, pushed))
    long.git("checkout", "-q", "--detach")
    long.git("checkout", "-q", old, "--", "train.py")
    commit = long.commit("back to what it was")
    # The content of the file is in no commit that the bundle names, only in those before.
    pack = subprocess.run(
        ["git", "pack-objects", "-q", "--stdout"],
        input=b"\n".join(git(long.folder, "rev-parse", name).encode() for name in (commit, f"{commit}^{{tree}}")),
        cwd=long.folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    bundle = f"# v2 git bundle\n-{pushed} \n{commit} HEAD\n\n".encode() + pack
    long.git("checkout", "-q", "main")
    long.git("reflog", "expire", "--expire=now", "--all")
    long.git("gc", "-q", "--prune=now")
    tree = desk.rebuild(Source(long.url, commit, bundle=desk.keep(bundle)))
    assert (tree / "train.py").read_text() == "version 1\n"
    assert any("whole history" in note for note in desk.notes)


def test_a_server_of_plain_files_is_asked_for_the_whole_history_of_the_commit(
    long: Origin, desk: Desk, tmp_path: Path
) -> None:
    bare = tmp_path / "plain" / "work.git"
    long.git("clone", "-q", "--bare", str(long.folder), str(bare))
    git(bare, "update-server-info")
    with serving_files(bare.parent) as url:
        tree = desk.rebuild(Source(f"{url}/work.git", long.git("rev-parse", "HEAD")))
    assert git(tree, "rev-list", "--count", "HEAD") == "5"
    assert not any("all branches" in note for note in desk.notes)


def test_over_http_too_only_the_wanted_commit_comes(long: Origin, desk: Desk, tmp_path: Path) -> None:
    long.git("clone", "-q", "--bare", str(long.folder), str(tmp_path / "served" / "work.git"))
    forge = Forge(tmp_path / "served")
    with serving(forge):
        tree = desk.rebuild(Source(f"{forge.url}/work.git", long.git("rev-parse", "HEAD~1")))
    assert git(tree, "log", "--format=%s") == "number 2"
    assert any(b"deepen 1" in body for body in forge.bodies)
