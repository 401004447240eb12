"""Whatever shape the work is in, an agent rebuilds the very tree of the desk, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from elsewhere.contract.errors import CaptureError, UntrackedTooLarge, WorkspaceError

from . import histories, projects, submodules  # noqa: F401 - each registers its shapes
from .bytes_of_files import line_ends_by_attributes
from .changes import unfinished_merge
from .conftest import desk_files, settled, tree_files
from .large_files import lfs_files_filled_in, lfs_files_left_as_pointers
from .shape import LFS_SHAPES, SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elsewhere.capture import Capture

    from .conftest import Bench


def require_identical(captured: Capture, tree: Path) -> None:
    expected, actual = desk_files(captured.root), tree_files(tree)
    assert sorted(actual) == sorted(expected)
    for path, file in expected.items():
        assert actual[path] == file, path


@pytest.mark.parametrize("make", SHAPES, ids=lambda make: make.__name__)
def test_a_shape_is_rebuilt_byte_for_byte(make: Shape, bench: Bench) -> None:
    captured = settled(make(bench)).capture()
    require_identical(captured, bench.rebuilt(captured))


@pytest.mark.parametrize("make", LFS_SHAPES, ids=lambda make: make.__name__)
def test_a_shape_with_lfs_is_rebuilt_byte_for_byte(make: Shape, lfs_bench: Bench) -> None:
    captured = settled(make(lfs_bench)).capture()
    require_identical(captured, lfs_bench.rebuilt(captured))


SPOILED: dict[str, Callable[[Path], object]] = {
    "content": lambda tree: (tree / "train.py").write_text("other\n"),
    "mode": lambda tree: (tree / "train.py").chmod(0o755),
    "missing": lambda tree: (tree / "train.py").unlink(),
    "more": lambda tree: (tree / "more.log").write_text(""),
    "link": lambda tree: (tree / "link").symlink_to("data"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_the_comparison_tells_trees_apart(name: str, bench: Bench) -> None:
    captured = bench.started().capture()
    tree = bench.rebuilt(captured)
    SPOILED[name](tree)
    with pytest.raises(AssertionError):
        require_identical(captured, tree)


def test_an_unfinished_merge_is_refused_and_named(bench: Bench) -> None:
    desk = unfinished_merge(bench)
    with pytest.raises(CaptureError, match=r"in conflict are train\.py"):
        desk.capture()


def test_files_that_a_checkout_gives_are_not_carried(bench: Bench) -> None:
    desk = line_ends_by_attributes(bench)
    desk.commit()
    desk.git("push", "-q")
    source = desk.capture().spec.source
    assert (source.diff, source.untracked, source.bundle, source.lfs) == (None, None, None, None)


# --- git-lfs -----------------------------------------------------------------------------


def test_content_that_git_lfs_can_fetch_is_not_carried(lfs_bench: Bench) -> None:
    captured = lfs_files_filled_in(lfs_bench).capture(untracked_limit=0)
    source = captured.spec.source
    assert source.lfs is not None
    assert (source.diff, source.untracked) == (None, None)


def test_content_that_git_lfs_cannot_fetch_is_carried_within_the_limit_or_refused(lfs_bench: Bench) -> None:
    desk = lfs_files_filled_in(lfs_bench)
    desk.write("weights.big", b"unpushed" * 1000)
    desk.commit()
    with pytest.raises(UntrackedTooLarge, match=r"weights\.big"):
        desk.capture(untracked_limit=7999)
    desk.capture(untracked_limit=8000)


def test_cached_content_needs_neither_git_lfs_nor_the_remote(
    lfs_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = lfs_files_filled_in(lfs_bench).capture()
    lfs_bench.rebuilt(captured)
    shutil.rmtree(lfs_bench.remote("desk"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    require_identical(captured, lfs_bench.rebuilt(captured))


def test_the_users_script_sees_filled_in_files_as_unchanged(lfs_bench: Bench) -> None:
    tree = lfs_bench.rebuilt(lfs_files_filled_in(lfs_bench).capture())
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tree, capture_output=True, text=True)
    assert (status.stdout, status.stderr) == ("", "")
    assert not (tree / ".git/lfs").is_symlink()


def test_an_agent_without_git_lfs_names_it_and_the_files(
    lfs_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = lfs_files_filled_in(lfs_bench).capture()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(
        WorkspaceError, match=r"git-lfs is not installed.*'data/größe 1\.big', 'tool\.big'"
    ) as caught:
        lfs_bench.rebuilt(captured)
    assert "Install it" in caught.value.next_step


def test_pointers_that_are_pointers_at_the_desk_need_no_git_lfs(
    lfs_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = lfs_files_left_as_pointers(lfs_bench).capture()
    assert captured.spec.source.lfs is None
    monkeypatch.setattr(shutil, "which", lambda _: None)
    require_identical(captured, lfs_bench.rebuilt(captured))


def test_content_that_the_remote_has_lost_is_named_in_the_words_of_git_lfs(lfs_bench: Bench) -> None:
    captured = lfs_files_filled_in(lfs_bench).capture()
    shutil.rmtree(lfs_bench.remote("desk") / "lfs")
    with pytest.raises(
        WorkspaceError, match=r"git-lfs did not get 'data/größe 1\.big'.*remote missing object"
    ):
        lfs_bench.rebuilt(captured)
