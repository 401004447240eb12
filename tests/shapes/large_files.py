"""Files whose content git-lfs holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.capture.rebuild import git

from .shape import lfs_shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


def _with_lfs(bench: Bench, name: str = "desk") -> Desk:
    desk = bench.started(name)
    desk.write(".gitattributes", "*.big filter=lfs diff=lfs merge=lfs -text\n")
    for file in ("weights.big", "data/größe 1.big", "tool.big"):
        desk.write(file, f"content of {file}\n" * 400)
    (desk.root / "tool.big").chmod(0o755)
    desk.commit()
    desk.git("lfs", "push", "--all", "origin")
    desk.git("push", "-q")
    assert desk.git("show", "HEAD:weights.big").startswith("version https://git-lfs")
    return desk


@lfs_shape
def lfs_files_filled_in(bench: Bench) -> Desk:
    return _with_lfs(bench)


@lfs_shape
def lfs_files_left_as_pointers(bench: Bench) -> Desk:
    _with_lfs(bench)
    bench.monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    return bench.clone(f"file://{bench.remote('desk')}", "clone")


@lfs_shape
def some_lfs_files_filled_in(bench: Bench) -> Desk:
    _with_lfs(bench)
    with bench.monkeypatch.context() as environment:
        environment.setenv("GIT_LFS_SKIP_SMUDGE", "1")
        clone = bench.clone(f"file://{bench.remote('desk')}", "clone")
    clone.git("lfs", "pull", "--include", "data/*")
    assert b"version https" in (clone.root / "weights.big").read_bytes()
    assert b"version https" not in (clone.root / "data/größe 1.big").read_bytes()
    return clone


@lfs_shape
def lfs_files_changed_new_and_deleted(bench: Bench) -> Desk:
    desk = _with_lfs(bench)
    desk.write("weights.big", "trained again\n" * 500)
    desk.write("staged.big", "staged\n" * 300)
    desk.git("add", "staged.big")
    desk.write("untracked.big", "untracked\n" * 300)
    (desk.root / "data/größe 1.big").unlink()
    (desk.root / "tool.big").chmod(0o644)
    return desk


@lfs_shape
def lfs_files_of_unpushed_commits(bench: Bench) -> Desk:
    desk = _with_lfs(bench)
    desk.write("weights.big", "not pushed\n" * 500)
    desk.commit()
    return desk


@lfs_shape
def lfs_files_without_a_remote(bench: Bench) -> Desk:
    desk = _with_lfs(bench)
    desk.git("remote", "remove", "origin")
    return desk


@lfs_shape
def lfs_files_in_a_submodule(bench: Bench) -> Desk:
    _with_lfs(bench, "library")
    desk = bench.started()
    desk.git("submodule", "--quiet", "add", f"file://{bench.remote('library')}", "library")
    desk.commit()
    assert b"version https" not in (desk.root / "library/weights.big").read_bytes()
    return desk


@lfs_shape
def lfs_files_where_its_filter_is_not_installed(bench: Bench) -> Desk:
    desk = _with_lfs(bench)
    git(bench.folder, "lfs", "uninstall", "--skip-repo")
    os.utime(desk.root / "weights.big", (1, 1))
    return desk
