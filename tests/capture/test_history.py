"""Whatever the history looks like, what no remote has travels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.contract.errors import CaptureError
from tests.capture.conftest import Desk
from tests.capture.rebuild import git

Rebuilt = Callable[..., Path]


def test_a_pushed_commit_needs_no_bundle(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.write("train.py", "print('edited')\n")
    captured = desk.capture()
    assert captured.spec.source.bundle is None
    assert captured.spec.source.identity is None
    assert captured.spec.source.repository == str(tmp_path / "remote.git")
    rebuilt(captured)


def test_unpushed_commits_travel_and_pushed_ones_do_not(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    desk.write("large.bin", os.urandom(200_000))
    desk.commit()
    desk.publish(tmp_path / "remote.git")
    desk.write("train.py", "print('unpushed')\n")
    desk.commit()
    desk.write("data/table.csv", "uncommitted\n")
    captured = desk.capture()
    bundle = captured.spec.source.bundle
    assert bundle is not None
    assert bundle.size < 10_000
    rebuilt(captured)


def test_a_detached_head_travels(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.git("checkout", "-q", "--detach")
    desk.write("train.py", "print('nowhere')\n")
    commit = desk.commit()
    captured = desk.capture()
    assert captured.spec.source.branch is None
    assert captured.spec.source.commit == commit
    assert captured.spec.source.bundle is not None
    rebuilt(captured)


def test_a_linked_worktree_travels(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    desk.publish(tmp_path / "remote.git")
    linked = Desk(tmp_path / "linked")
    desk.git("worktree", "add", "-q", "-b", "side", str(linked.root))
    linked.write("train.py", "print('in the worktree')\n")
    linked.write("new.py", "")
    desk.write("train.py", "print('not this one')\n")
    captured = linked.capture()
    assert captured.root == linked.root
    assert captured.spec.source.branch == "side"
    rebuilt(captured)


def test_before_the_first_commit_all_files_travel(make_desk: Callable[[str], Desk], rebuilt: Rebuilt) -> None:
    desk = make_desk("young")
    desk.write("train.py", "print('young')\n")
    desk.write("staged.py", "x = 1\n")
    desk.write("gone.py", "x = 1\n")
    desk.write(".gitignore", "*.log\n")
    desk.write("a.log", "ignored\n")
    desk.git("add", "staged.py", "gone.py")
    desk.write("staged.py", "x = 2\n")
    (desk.root / "gone.py").unlink()
    captured = desk.capture()
    source = captured.spec.source
    assert (source.commit, source.identity, source.bundle, source.diff) == (None, None, None, None)
    assert source.branch == "main"
    rebuilt(captured)


def test_a_shallow_clone_with_unpushed_commits_travels(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    for number in range(5):
        desk.write("data/table.csv", f"{number}\n")
        desk.commit()
    desk.publish(tmp_path / "remote.git")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path}/remote.git", "shallow")
    shallow = Desk(tmp_path / "shallow")
    assert shallow.capture().spec.source.bundle is None
    shallow.write("train.py", "print('shallow')\n")
    shallow.commit()
    shallow.write("new.py", "")
    rebuilt(shallow.capture())


def test_a_commit_fetched_alone_as_ci_systems_do_travels(
    desk: Desk, tmp_path: Path, rebuilt: Rebuilt, make_desk: Callable[[str], Desk]
) -> None:
    desk.write("train.py", "print('2')\n")
    desk.commit()
    desk.publish(tmp_path / "remote.git")
    ci = make_desk("ci")
    ci.git("remote", "add", "origin", f"file://{tmp_path}/remote.git")
    ci.git("fetch", "-q", "--depth", "1", "origin", "main")
    ci.git("update-ref", "-d", "refs/remotes/origin/main")
    ci.git("checkout", "-q", "FETCH_HEAD")
    assert ci.capture().spec.source.bundle is None
    ci.write("train.py", "print('3')\n")
    ci.commit()
    rebuilt(ci.capture())


def test_a_shallow_clone_whose_remote_is_gone_is_refused_clearly(desk: Desk, tmp_path: Path) -> None:
    desk.write("train.py", "print('2')\n")
    desk.commit()
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{desk.root}", "shallow")
    shallow = Desk(tmp_path / "shallow")
    shallow.git("remote", "remove", "origin")
    with pytest.raises(CaptureError, match="shallow clone without a remote"):
        shallow.capture()


def test_commits_that_only_another_remote_has_travel(desk: Desk, tmp_path: Path, rebuilt: Rebuilt) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.git("checkout", "-q", "-b", "fork")
    desk.write("train.py", "print('fork')\n")
    desk.commit()
    desk.publish(tmp_path / "fork.git", name="fork")
    desk.git("branch", "--unset-upstream")
    captured = desk.capture()
    assert captured.spec.source.repository == str(tmp_path / "remote.git")
    assert captured.spec.source.bundle is not None
    rebuilt(captured)


def test_remote_tracking_branches_left_of_a_removed_remote_do_not_count(
    desk: Desk, tmp_path: Path, rebuilt: Rebuilt
) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.git("config", "--remove-section", "remote.origin")
    captured = desk.capture()
    assert captured.spec.source.repository is None
    rebuilt(captured)


def test_a_replaced_commit_travels_as_the_other_machine_will_see_it(desk: Desk, rebuilt: Rebuilt) -> None:
    first = desk.git("rev-parse", "HEAD")
    desk.write("train.py", "print('2')\n")
    second = desk.commit()
    desk.git("replace", second, first)
    rebuilt(desk.capture())
