"""Histories and places: where a working tree stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .shape import shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


@shape
def shallow_clone_with_an_unpushed_commit(bench: Bench) -> Desk:
    desk = bench.started()
    for number in range(3):
        desk.write("data/table.csv", f"{number}\n")
        desk.commit()
    desk.git("push", "-q")
    shallow = bench.clone(f"file://{bench.remote('desk')}", "shallow", "--depth=1")
    shallow.write("train.py", "print('shallow')\n")
    shallow.commit()
    shallow.write("new.py", "")
    return shallow


@shape
def unpushed_commits_that_go_back_to_older_content(bench: Bench) -> Desk:
    desk = bench.started()
    first = desk.git("rev-parse", "HEAD")
    desk.write("train.py", "print('second')\n")
    desk.write("weights.bin", os.urandom(50_000))
    desk.commit()
    desk.git("push", "-q")
    desk.git("revert", "--no-edit", "HEAD")
    assert desk.git("rev-parse", "HEAD^{tree}") == desk.git("rev-parse", f"{first}^{{tree}}")
    return desk


@shape
def detached_head(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("checkout", "-q", "--detach")
    desk.write("train.py", "print('nowhere')\n")
    desk.commit()
    return desk


@shape
def linked_worktree(bench: Bench) -> Desk:
    desk = bench.started()
    linked = type(desk)(bench.folder / "linked")
    desk.git("worktree", "add", "-q", "-b", "side", str(linked.root))
    linked.write("train.py", "print('in the worktree')\n")
    linked.write("new.py", "")
    desk.write("train.py", "print('not this one')\n")
    return linked


@shape
def no_commits_yet(bench: Bench) -> Desk:
    desk = bench.desk()
    desk.write("train.py", "print('young')\n")
    desk.write("staged.py", "x = 1\n")
    desk.write(".gitignore", "*.log\n")
    desk.write("a.log", "ignored\n")
    (desk.root / "link").symlink_to("train.py")
    desk.git("add", "staged.py")
    desk.write("staged.py", "x = 2\n")
    return desk


@shape
def no_remote(bench: Bench) -> Desk:
    desk = bench.desk()
    desk.write("train.py", "print(1)\n")
    desk.commit()
    desk.write("train.py", "print(2)\n")
    desk.commit()
    return desk


@shape
def hashes_of_sha256(bench: Bench) -> Desk:
    desk = bench.desk("modern", "--object-format=sha256")
    desk.write("train.py", "print(1)\n")
    desk.write(".gitattributes", "* text=auto\n")
    desk.commit()
    desk.write("train.py", b"print(2)\r\n")
    return desk


@shape
def sparse_checkout(bench: Bench) -> Desk:
    desk = bench.started()
    for name in ("wanted", "unwanted", "deep/wanted", "deep/un wanted[1]"):
        desk.write(f"{name}/part.txt", f"{name}\n")
    desk.commit()
    desk.git("sparse-checkout", "set", "wanted", "deep/wanted")
    assert not (desk.root / "unwanted").exists()
    desk.write("wanted/part.txt", "changed\n")
    return desk


@shape
def sparse_checkout_by_patterns(bench: Bench) -> Desk:
    desk = bench.started()
    for name in ("a.csv", "b.csv", "c*.csv", "space "):
        desk.write(f"data/{name}", f"{name}\n")
    desk.commit()
    desk.git(
        "sparse-checkout", "set", "--no-cone", "/*", "!/data/b.csv", r"!/data/c\*.csv", r"!/data/space\ "
    )
    assert not (desk.root / "data/b.csv").exists()
    assert not (desk.root / "data/c*.csv").exists()
    desk.write("train.py", "print('sparse')\n")
    return desk
