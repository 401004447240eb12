"""Submodules, in every state."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .shape import shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


def _library(bench: Bench, name: str = "library") -> str:
    library = bench.started(name)
    library.write("lib.py", "x = 1\n")
    library.commit()
    library.git("push", "-q")
    return str(bench.remote(name))


def _with_submodule(bench: Bench, url: str | None = None) -> tuple[Desk, Desk]:
    own = _library(bench)
    desk = bench.started()
    desk.git("submodule", "--quiet", "add", url or own, "libs/library")
    desk.commit("with a submodule")
    return desk, type(desk)(desk.root / "libs/library")


@shape
def clean_submodule(bench: Bench) -> Desk:
    return _with_submodule(bench)[0]


@shape
def submodule_at_a_relative_address(bench: Bench) -> Desk:
    return _with_submodule(bench, "../library.git")[0]


@shape
def submodule_with_uncommitted_changes(bench: Bench) -> Desk:
    desk, inner = _with_submodule(bench)
    inner.write("lib.py", "x = 2\n")
    inner.write("new file.py", "y = 1\n")
    inner.git("rm", "-q", "run.sh")
    (inner.root / "link").symlink_to("lib.py")
    desk.write("train.py", "import libs\n")
    return desk


@shape
def submodule_with_unpushed_commits(bench: Bench) -> Desk:
    desk, inner = _with_submodule(bench)
    inner.git("checkout", "-q", "--detach")
    inner.write("lib.py", "x = 'unpushed'\n")
    inner.commit()
    inner.write("lib.py", "x = 'unpushed, and edited'\n")
    desk.commit("take the new one")
    return desk


@shape
def submodule_at_another_commit_than_recorded(bench: Bench) -> Desk:
    desk, inner = _with_submodule(bench)
    inner.git("checkout", "-q", "HEAD~1")
    return desk


@shape
def submodules_within_submodules(bench: Bench) -> Desk:
    innermost = _library(bench, "innermost")
    middle = bench.started("middle")
    middle.git("submodule", "--quiet", "add", innermost, "vendor/innermost")
    middle.commit("nested")
    middle.git("push", "-q")
    desk = bench.started()
    desk.git("submodule", "--quiet", "add", str(bench.remote("middle")), "middle")
    desk.git("submodule", "--quiet", "update", "--init", "--recursive")
    desk.commit("outer")
    deepest = type(desk)(desk.root / "middle/vendor/innermost")
    assert deepest.git("rev-parse", "--show-toplevel") == str(deepest.root)
    deepest.write("lib.py", "x = 'deep edit'\n")
    deepest.write("deep.txt", "untracked\n")
    return desk


@shape
def submodule_that_is_not_checked_out(bench: Bench) -> Desk:
    desk, _ = _with_submodule(bench)
    desk.git("push", "-q")
    return bench.clone(str(bench.remote("desk")), "clone")


@shape
def a_file_in_the_place_of_a_submodule(bench: Bench) -> Desk:
    desk, inner = _with_submodule(bench)
    desk.git("rm", "-q", "--cached", "libs/library")
    shutil.rmtree(inner.root)
    desk.write("libs/library", "now a file\n")
    desk.git("add", "libs/library")
    return desk


@shape
def a_folder_in_the_place_of_a_submodule(bench: Bench) -> Desk:
    desk, inner = _with_submodule(bench)
    desk.git("rm", "-q", "--cached", "libs/library")
    (inner.root / ".git").unlink()
    desk.git("add", "libs/library/lib.py")
    return desk


@shape
def submodule_of_a_repository_without_remote(bench: Bench) -> Desk:
    url = _library(bench)
    desk = bench.desk()
    desk.write("train.py", "")
    desk.git("submodule", "--quiet", "add", url, "library")
    desk.commit()
    return desk
