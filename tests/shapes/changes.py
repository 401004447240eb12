"""Changes: what is not committed yet."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from .shape import shape

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench


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
