"""Where a repository is from is told without secrets, and what is wrong with it is told clearly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.capture.repository import find_repository
from elsewhere.capture.url import is_local, redacted, without_credentials
from elsewhere.contract.codec import encode
from elsewhere.contract.errors import CaptureError
from tests.capture.conftest import Desk

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:hunter2@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://hunter2@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://me:p@hunter2@example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a.git?private_token=hunter2", "https://example.org/a.git"),
        ("http://example.org/a.git#hunter2", "http://example.org/a.git"),
        ("ssh://git@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("ssh://git:hunter2@example.org/a.git", "ssh://git@example.org/a.git"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("git:hunter2@example.org:a/b.git", "git@example.org:a/b.git"),
        ("alias:a/b.git", "alias:a/b.git"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("git://example.org/a.git", "git://example.org/a.git"),
    ],
)
def test_credentials_are_cut_out_of_urls_and_addresses_are_kept(url: str, expected: str) -> None:
    assert without_credentials(url) == expected
    assert SECRET not in without_credentials(url)


def test_credentials_are_cut_out_of_what_git_says() -> None:
    said = f"fatal: unable to access 'https://me:{SECRET}@example.org/a.git/?t={SECRET}': 403"
    assert redacted(said) == "fatal: unable to access 'https://example.org/a.git/': 403"


@pytest.mark.parametrize(
    ("url", "local"),
    [("/srv/a.git", True), ("../a.git", True), ("./a:b", True), ("file:///a", True), ("host:a", False),
     ("https://example.org/a", False)],
)  # fmt: skip
def test_a_path_is_told_from_an_address_as_git_does(url: str, local: bool) -> None:
    assert is_local(url) is local


def remote_of(desk: Desk) -> str | None:
    found = find_repository(desk.root)
    assert found is not None
    return found.remote.url if found.remote else None


def test_the_upstream_of_the_branch_is_preferred_then_origin_then_the_first(desk: Desk) -> None:
    assert remote_of(desk) is None
    desk.git("remote", "add", "zeta", "https://example.org/zeta.git")
    desk.git("remote", "add", "alpha", "https://example.org/alpha.git")
    assert remote_of(desk) == "https://example.org/zeta.git"
    desk.git("remote", "add", "origin", "https://example.org/origin.git")
    assert remote_of(desk) == "https://example.org/origin.git"
    desk.git("config", "branch.main.remote", "alpha")
    assert remote_of(desk) == "https://example.org/alpha.git"
    desk.git("config", "branch.main.remote", ".")
    assert remote_of(desk) == "https://example.org/origin.git"


def test_a_relative_remote_becomes_an_absolute_path(desk: Desk) -> None:
    desk.git("remote", "add", "origin", "../remote.git")
    assert remote_of(desk) == str(desk.root.parent / "remote.git")


def test_shorthands_are_spelled_out_and_this_desks_login_is_not(desk: Desk) -> None:
    desk.git("config", "--global", "url.https://example.org/.insteadOf", "ex:")
    desk.git("config", "--global", f"url.https://me:{SECRET}@forge.org/.insteadOf", "git@forge.org:")
    desk.git("remote", "add", "origin", "ex:a/b.git")
    assert remote_of(desk) == "https://example.org/a/b.git"
    desk.git("remote", "set-url", "origin", "git@forge.org:a/b.git")
    assert remote_of(desk) == "git@forge.org:a/b.git"


def test_no_credential_is_in_a_capture(desk: Desk, tmp_path: Path) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.git("remote", "set-url", "origin", f"https://me:{SECRET}@example.org/a.git")
    desk.write("train.py", "print('edited')\n")
    captured = desk.capture()
    assert captured.spec.source.repository == "https://example.org/a.git"
    assert SECRET not in encode(captured.spec) + "".join(captured.notes)
    assert not any(SECRET.encode() in data for data in captured.payloads)


def test_variables_that_git_sets_for_its_hooks_do_not_misdirect(
    desk: Desk, make_desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_desk("other")
    other.write("other.py", "")
    other.commit()
    desk.write("train.py", "print('edited')\n")
    expected = desk.capture().spec.source
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    monkeypatch.setenv("GIT_PREFIX", "data/")
    monkeypatch.setenv("GIT_DIFF_OPTS", "-u0")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "1")
    assert desk.capture().spec.source == expected


def test_a_run_that_is_started_by_a_hook_is_captured(desk: Desk) -> None:
    program = (
        "from elsewhere.capture import capture\n"
        "c = capture('train.py', untracked_limit=10**6, bundle_limit=10**6, search_path=[])\n"
        "open('../captured', 'w').write(f'{c.root} {c.spec.source.commit}')\n"
    )
    hook = desk.write(".git/hooks/pre-commit", f"#!{sys.executable}\n{program}", mode=0o755)
    first = desk.git("rev-parse", "HEAD")
    desk.write("train.py", "print('2')\n")
    desk.commit()
    hook.unlink()
    assert (desk.root.parent / "captured").read_text() == f"{desk.root} {first}"


def test_no_hook_of_the_repository_runs(desk: Desk) -> None:
    desk.write("train.py", "print('edited')\n")
    os.utime(desk.root / "run.sh")
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout"):
        desk.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch '{desk.root.parent}/ran'\n", mode=0o755)
    desk.git("config", "core.fsmonitor", ".git/hooks/fsmonitor-watchman")
    desk.git("update-index", "--assume-unchanged", "train.py")
    (desk.root.parent / "ran").unlink(missing_ok=True)
    desk.capture()
    assert not (desk.root.parent / "ran").exists()


def test_a_missing_git_is_said(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(CaptureError, match="no git program"):
        desk.capture()


def test_a_missing_git_is_said_in_a_fresh_process(desk: Desk, tmp_path: Path) -> None:
    program = (
        "from elsewhere.capture import capture\n"
        "from elsewhere.contract.errors import CaptureError\n"
        "try: capture('train.py', untracked_limit=1, bundle_limit=1)\n"
        "except CaptureError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=desk.root, env={"PATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert "no git program" in done.stdout, done.stderr


def test_a_repository_of_another_user_is_refused_with_gits_hint(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    # Git's own switch to believe that somebody else owns the files.
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(CaptureError) as caught:
        desk.capture()
    assert "another user" in caught.value.what
    assert f"git config --global --add safe.directory {desk.root}" in caught.value.next_step


def test_a_broken_repository_is_said_in_gits_words(desk: Desk, tmp_path: Path) -> None:
    shutil.rmtree(desk.root / ".git")
    desk.write(".git", "gitdir: /nonexistent/worktrees/x\n")
    with pytest.raises(CaptureError, match="/nonexistent/worktrees/x"):
        desk.capture()


def test_a_branch_whose_commit_is_lost_is_not_taken_for_a_young_repository(desk: Desk) -> None:
    shutil.rmtree(desk.root / ".git/objects")
    (desk.root / ".git/objects").mkdir()
    with pytest.raises(CaptureError):
        desk.capture()


def test_an_empty_git_folder_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "x/.git").mkdir(parents=True)
    assert find_repository(tmp_path / "x") is None
