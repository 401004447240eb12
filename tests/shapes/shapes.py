"""Shapes of repositories: each function makes one, in the state in which a user would submit it.

A shape is made at a bench and returns the desk whose tree is captured. Its name is its promise.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.capture.rebuild import git

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench

Shape = Callable[["Bench"], "Desk"]
SHAPES: list[Shape] = []
LFS_SHAPES: list[Shape] = []


def shape(make: Shape) -> Shape:
    SHAPES.append(make)
    return make


def lfs_shape(make: Shape) -> Shape:
    LFS_SHAPES.append(make)
    return make


# --- projects ----------------------------------------------------------------------------


@shape
def monorepo_with_two_packages(bench: Bench) -> Desk:
    desk = bench.started()
    for name in ("core", "models"):
        desk.write(f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "1"\n')
        desk.write(f"packages/{name}/{name}/__init__.py", "x = 1\n")
    desk.commit()
    desk.write("packages/core/core/new.py", "y = 2\n")
    desk.write("packages/models/models/__init__.py", "from core import x\n")
    return desk


@shape
def src_layout_with_itself_editable(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("pyproject.toml", '[project]\nname = "thing"\nversion = "1"\n')
    desk.write("requirements.txt", "-e .\n")
    desk.write("src/thing/__init__.py", "")
    desk.write("src/thing.egg-info/PKG-INFO", "ignored\n")
    desk.write(".gitignore", "*.egg-info/\n")
    desk.commit()
    desk.write("src/thing/model.py", "z = 3\n")
    return desk


@shape
def requirement_files_that_include_others(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("requirements.txt", "-r requirements/base.txt\n-c requirements/constraints.txt\n./vendored\n")
    desk.write("requirements/base.txt", "numpy\n-r extra.txt\n")
    desk.write("requirements/extra.txt", "rich ; python_version > '3.8'\n")
    desk.commit()
    desk.write("requirements/constraints.txt", "numpy<3\n")
    desk.write("vendored/setup.py", "from setuptools import setup; setup(name='v')\n")
    return desk


def _with_lock(name: str, content: str) -> Shape:
    def make(bench: Bench) -> Desk:
        desk = bench.started()
        desk.write("pyproject.toml", '[project]\nname = "thing"\nversion = "1"\n')
        desk.write(name, content)
        desk.commit()
        desk.write(name, content + "# relocked\n")
        return desk

    make.__name__ = f"lock_file_{name}"
    return make


for lock, text in {
    "uv.lock": "version = 1\n",
    "poetry.lock": "[metadata]\nlock-version = '2.1'\n",
    "pixi.lock": "version: 6\n",
    "environment.yml": "dependencies: [python]\n",
    "Pipfile.lock": "{}\n",
    "pylock.toml": "lock-version = '1.0'\n",
}.items():
    SHAPES.append(_with_lock(lock, text))


@shape
def notebook_in_the_tree(bench: Bench) -> Desk:
    desk = bench.started()
    cell = {"cell_type": "code", "source": ["x = 1\n"], "outputs": [], "metadata": {}, "execution_count": 1}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    desk.write("explore.ipynb", json.dumps(book, indent=1))
    desk.commit()
    cell["source"] = ["x = 'größe'\n"]
    desk.write("explore.ipynb", json.dumps(book, indent=1, ensure_ascii=False))
    return desk


# --- what is uncommitted -----------------------------------------------------------------


@shape
def only_staged_changes(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("train.py", "print('staged')\n")
    desk.write("new.py", "x = 1\n")
    desk.git("rm", "-q", "data/table.csv")
    desk.git("add", "--all")
    return desk


@shape
def deleted_renamed_and_binary_files(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("model.bin", bytes(range(256)) * 50)
    desk.write("gone.txt", "x\n")
    desk.commit()
    desk.git("mv", "data/table.csv", "data/renamed.csv")
    desk.write("model.bin", bytes(reversed(range(256))) * 60)
    desk.write("new.bin", b"\0\1\2" * 100)
    (desk.root / "gone.txt").unlink()
    return desk


@shape
def changes_of_modes_alone(bench: Bench) -> Desk:
    desk = bench.started()
    (desk.root / "train.py").chmod(0o755)
    (desk.root / "run.sh").chmod(0o644)
    return desk


@shape
def a_file_meant_to_be_added(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("planned.py", "x = 1\n")
    desk.git("add", "--intent-to-add", "planned.py")
    return desk


@shape
def a_file_became_a_folder_and_the_other_way_round(bench: Bench) -> Desk:
    desk = bench.started()
    (desk.root / "run.sh").unlink()
    desk.write("run.sh/part", "x\n")
    (desk.root / "data/table.csv").unlink()
    (desk.root / "data").rmdir()
    desk.write("data", "now a file\n")
    return desk


@shape
def symbolic_links_in_every_way_of_change(bench: Bench) -> Desk:
    desk = bench.started()

    def link(name: str, target: str) -> None:
        place = desk.root / name
        place.parent.mkdir(exist_ok=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
        place.symlink_to(target)

    for name in ("kept", "retargeted", "deleted", "to_file", "to_folder"):
        link(name, "data" if name == "to_folder" else "train.py")
    desk.write("from_file", "a file\n")
    desk.write("from_folder/x", "x\n")
    desk.commit()
    link("retargeted", "data/table.csv")
    (desk.root / "deleted").unlink()
    (desk.root / "to_file").unlink()
    desk.write("to_file", "now a file\n")
    (desk.root / "to_folder").unlink()
    desk.write("to_folder/table.csv", "a folder of its own\n")
    link("from_file", "train.py")
    (desk.root / "from_folder/x").unlink()
    (desk.root / "from_folder").rmdir()
    link("from_folder", "data")
    link("untracked", "data")
    link("deep/up", "../train.py")
    link("dangling", "not/there")
    desk.git("add", "untracked", "to_folder")
    desk.write("after", "untracked\n")
    return desk


@shape
def edits_and_deletions_hidden_from_git(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("gone.txt", "x\n")
    desk.commit()
    desk.git("update-index", "--assume-unchanged", "train.py", "gone.txt")
    desk.git("update-index", "--skip-worktree", "data/table.csv")
    desk.write("train.py", "print('hidden edit')\n")
    desk.write("data/table.csv", "hidden\n")
    (desk.root / "gone.txt").unlink()
    return desk


# --- bytes -------------------------------------------------------------------------------


@shape
def carriage_returns_without_attributes(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write("dos.txt", b"one\r\ntwo\r\n")
    desk.write("mixed.txt", b"one\r\ntwo\n")
    desk.commit()
    desk.write("dos.txt", b"one\r\nTWO\r\nthree")
    desk.write("mixed.txt", b"one\ntwo\r\n")
    desk.write("new.txt", b"a\r\n")
    return desk


@shape
def line_ends_by_attributes(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "* text=auto\n*.bat text eol=crlf\n*.sh text eol=lf\n*.bin -text\n")
    desk.write("a.bat", b"one\r\ntwo\r\n")
    desk.write("changed.bat", b"one\r\ntwo\r\n")
    desk.write("b.bin", b"\r\n\n\r")
    desk.write("c.txt", "c\n")
    desk.commit()
    desk.write("changed.bat", b"one\r\nTWO\r\nthree\r\n")
    desk.write("c.txt", "C\n")
    desk.write("new.bat", b"x\r\n")
    return desk


@shape
def line_ends_that_differ_from_what_attributes_say(bench: Bench) -> Desk:
    desk = bench.started()
    # Committed as they were, before anybody thought of attributes.
    desk.write("old.txt", b"one\r\ntwo\r\n")
    desk.write("old.bat", b"one\r\ntwo\r\n")
    desk.commit()
    desk.write(".gitattributes", "*.txt text\n*.bat text eol=crlf\n*.md text=auto\n")
    desk.write("lf.bat", b"one\ntwo\n")
    desk.write("crlf.txt", b"one\r\ntwo\r\n")
    desk.write("mixed.md", b"one\r\ntwo\n")
    desk.git("add", ".gitattributes", "lf.bat", "crlf.txt", "mixed.md")
    desk.git("commit", "-q", "-m", "attributes")
    desk.write("changed.md", b"one\r\n")
    desk.git("add", "changed.md")
    desk.write("changed.md", b"ONE\r\n")
    return desk


@shape
def attributes_that_no_commit_holds(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "*.sh text eol=crlf\n")
    desk.write("a.md", "a\n")
    desk.write("b.md", "b\n")
    desk.commit()
    desk.write(".gitattributes", "*.md text eol=crlf\n")
    desk.write("sub/.gitattributes", "* text\n")
    desk.write("a.md", b"a\r\n")
    desk.write("b.md", "b\nmore\n")
    desk.write(".git/info/attributes", "*.csv text eol=crlf\n")
    desk.write("data/table.csv", b"a,b\r\n1,2\r\n")
    desk.git("add", "data/table.csv")
    return desk


@shape
def attributes_of_the_user_for_all_repositories(bench: Bench) -> Desk:
    (bench.folder / "user" / "attributes").write_text("*.csv text eol=crlf\n")
    git(bench.folder, "config", "--global", "core.attributesFile", "~/attributes")
    desk = bench.started()
    (desk.root / "data/table.csv").unlink()
    desk.git("checkout", "--", "data/table.csv")
    assert b"\r\n" in (desk.root / "data/table.csv").read_bytes()
    return desk


@shape
def a_filter_that_the_agent_does_not_have(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "filter.upper.clean", "tr a-z A-Z")
    desk.git("config", "filter.upper.smudge", "tr A-Z a-z")
    desk.git("config", "filter.upper.required", "true")
    desk.write(".gitattributes", "*.secret filter=upper\n")
    desk.write("kept.secret", "kept\n")
    desk.write("changed.secret", "changed\n")
    desk.write("gone.secret", "gone\n")
    desk.commit()
    assert desk.git("show", "HEAD:kept.secret") == "KEPT"
    desk.write("changed.secret", "changed again\n")
    desk.write("new.secret", "new\n")
    desk.git("add", "new.secret")
    (desk.root / "gone.secret").unlink()
    return desk


@shape
def encodings_and_idents(bench: Bench) -> Desk:
    desk = bench.started()
    desk.write(".gitattributes", "*.utf16 text working-tree-encoding=UTF-16LE\n*.id ident\n")
    desk.write("words.utf16", "größe\n".encode("utf-16-le"))
    desk.write("plain.id", "$Id$\n")
    desk.write("expanded.id", "$Id$ there\n")
    desk.commit()
    (desk.root / "expanded.id").unlink()
    desk.git("checkout", "--", "expanded.id")
    desk.write("changed.utf16", "neu\n".encode("utf-16-le"))
    return desk


@shape
def names_with_spaces_quotes_newlines_and_any_bytes(bench: Bench) -> Desk:
    desk = bench.started()
    names = [
        "with space.txt", "größe/日本.txt", 'quo"te\ttab.txt', "new\nline", "-dash", "[a]*?", "back\\slash",
        os.fsdecode(b"latin-\xe9"), "space at the end ",
    ]  # fmt: skip
    for name in names:
        desk.write(name, "committed\n")
    desk.commit()
    for name in names:
        desk.write(name, "edited\n")
        desk.write(f"untracked/{name}", "new\n")
    return desk


@shape
def a_configuration_that_turns_everything_the_other_way(bench: Bench) -> Desk:
    desk = bench.started()
    for key, value in {
        "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.external": "/bin/false",
        "diff.renames": "copies", "diff.context": "0", "core.quotePath": "false", "color.ui": "always",
        "apply.whitespace": "fix", "core.autocrlf": "input", "status.showUntrackedFiles": "no",
    }.items():  # fmt: skip
        desk.git("config", "--global", key, value)
    desk.write("train.py", "print('trailing space')   \n\n\n")
    desk.git("mv", "run.sh", "ran.sh")
    desk.write("größe.txt", "neu \t\n")
    desk.git("add", "größe.txt")
    return desk


@shape
def line_ends_converted_by_the_users_configuration(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "core.autocrlf", "true")
    (desk.root / "data/table.csv").unlink()
    desk.git("checkout", "--", "data/table.csv")
    desk.write("committed.txt", b"one\r\n")
    desk.commit()
    desk.write("train.py", b"print('dos')\r\n")
    return desk


@shape
def a_file_system_without_executable_bits(bench: Bench) -> Desk:
    desk = bench.started()
    desk.git("config", "core.fileMode", "false")
    for path in ("train.py", "run.sh", "data/table.csv"):
        (desk.root / path).chmod(0o644)
    desk.git("update-index", "--chmod=+x", "train.py")
    desk.write("data/table.csv", "edited\n")
    return desk


# --- histories and places ----------------------------------------------------------------


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


# --- submodules --------------------------------------------------------------------------


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


# --- git-lfs -----------------------------------------------------------------------------


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


def unfinished_merge(bench: Bench) -> Desk:
    """No shape that travels: it is refused."""
    desk = bench.started()
    desk.git("checkout", "-q", "-b", "other")
    desk.write("train.py", "print('theirs')\n")
    desk.commit()
    desk.git("checkout", "-q", "main")
    desk.write("train.py", "print('ours')\n")
    desk.commit()
    merged = subprocess.run(["git", "merge", "-q", "other"], cwd=desk.root, capture_output=True)
    assert merged.returncode != 0
    assert Path(desk.root / ".git/MERGE_HEAD").exists()
    return desk
