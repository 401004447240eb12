"""Whatever state the work is in, the tree that is rebuilt is the desk's, byte for byte."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.capture import Capture
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.errors import BundleTooLarge, CaptureError, UntrackedTooLarge
from elsewhere.contract.spec import TaskSpec
from tests.capture.conftest import Desk
from tests.capture.rebuild import git, payload, rebuild, require_identical

Rebuilt = Callable[..., Path]


def test_a_clean_tree_without_remote_travels_as_a_bundle_alone(desk: Desk, rebuilt: Rebuilt) -> None:
    captured = desk.capture()
    source = captured.spec.source
    assert source.commit == desk.git("rev-parse", "HEAD")
    assert source.branch == "main"
    assert source.repository is None
    assert source.identity == source.commit
    assert source.bundle is not None
    assert source.diff is None
    assert source.untracked is None
    rebuilt(captured)


def test_the_spec_survives_the_codec(desk: Desk) -> None:
    spec = desk.capture(arguments=["--lr", "0.1"]).spec
    assert decode(TaskSpec, encode(spec)) == spec


def test_only_staged_changes_travel(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("train.py", "print('staged')\n")
    desk.git("add", "train.py")
    rebuilt(desk.capture())


def test_staged_and_then_edited_again_travels_as_it_is_on_disk(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("train.py", "print('staged')\n")
    desk.write("new.py", "x = 1\n")
    desk.git("add", "--all")
    desk.write("train.py", "print('edited')\n")
    desk.write("new.py", "x = 2\n")
    rebuilt(desk.capture())


def test_deleted_renamed_binary_and_mode_changes_travel(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("model.bin", bytes(range(256)) * 50)
    desk.write("gone.txt", "x\n")
    desk.write("no_end", "no newline at the end")
    desk.commit()
    desk.write("model.bin", bytes(reversed(range(256))) * 60)
    desk.write("new.bin", b"\0\1\2" * 100)
    desk.git("add", "new.bin")
    (desk.root / "gone.txt").unlink()
    desk.git("mv", "data/table.csv", "data/renamed.csv")
    desk.write("no_end", "still no newline")
    (desk.root / "train.py").chmod(0o755)
    (desk.root / "run.sh").chmod(0o644)
    captured = desk.capture()
    diff = payload(captured, captured.spec.source.diff)
    assert diff is not None
    assert b"rename from" not in diff
    rebuilt(captured)


def test_files_with_spaces_quotes_and_any_bytes_in_their_names_travel(desk: Desk, rebuilt: Rebuilt) -> None:
    names = [
        "with space.txt",
        "größe/日本.txt",
        'quo"te\ttab.txt',
        "-dash",
        os.fsdecode(b"latin-\xe9"),
        "[a]*?",
    ]
    for name in names:
        desk.write(name, "committed\n")
    desk.commit()
    for name in names:
        desk.write(name, "edited\n")
        desk.write(f"untracked/{name}", "new\n")
    desk.write("x" * 200 + "/" + "y" * 200, "a long path")
    rebuilt(desk.capture())


def test_carriage_returns_travel(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("dos.txt", b"one\r\ntwo\r\n")
    desk.write("mixed.txt", b"one\r\ntwo\n")
    desk.commit()
    desk.write("dos.txt", b"one\r\nTWO\r\nthree")
    desk.write("mixed.txt", b"one\ntwo\r\n")
    desk.write("train.py", b"print('dos now')\r\n")
    desk.write("new.txt", b"a\r\n")
    rebuilt(desk.capture())


@pytest.mark.parametrize("conversion", ["true", "input"])
def test_line_ends_that_the_users_configuration_converts_travel_as_they_are_on_disk(
    desk: Desk, rebuilt: Rebuilt, conversion: str
) -> None:
    desk.git("config", "core.autocrlf", conversion)
    desk.write("committed_as_lf.txt", b"one\r\ntwo\r\n")
    desk.commit()
    # Checked out again, git writes what the configuration says, and its index vouches for it.
    (desk.root / "data/table.csv").unlink()
    desk.git("checkout", "--", "data/table.csv")
    desk.write("run.sh", b"#!/bin/sh\r\n", mode=0o755)
    desk.git("status")
    rebuilt(desk.capture())


HOSTILE = {
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "diff.context": "0",
    "diff.interHunkContext": "50",
    "diff.renames": "copies",
    "diff.algorithm": "patience",
    "diff.external": "/bin/false",
    "diff.relative": "true",
    "diff.submodule": "log",
    "diff.ignoreSubmodules": "none",
    "diff.orderFile": "/nonexistent/order",
    "diff.suppressBlankEmpty": "true",
    "diff.autoRefreshIndex": "false",
    "diff.upper.textconv": "tr a-z A-Z <",
    "diff.wsErrorHighlight": "all",
    "diff.colorMoved": "zebra",
    "color.ui": "always",
    "color.diff": "always",
    "core.pager": "/bin/false",
    "core.quotePath": "false",
    "core.autocrlf": "input",
    "core.safecrlf": "true",
    "core.fsmonitor": "/bin/false",
    "core.untrackedCache": "true",
    "status.showUntrackedFiles": "no",
    "alias.diff": "log",
}


def test_no_configuration_of_the_user_changes_what_travels(
    desk: Desk, rebuilt: Rebuilt, tmp_path: Path
) -> None:
    desk.write(".gitattributes", "*.csv diff=upper\n")
    desk.commit()
    desk.write("data/table.csv", "a,b\n1,2\n\n3,4\n")
    desk.git("mv", "run.sh", "ran.sh")
    desk.write("größe.txt", "neu\n")
    desk.git("add", "größe.txt")
    os.utime(desk.root / "train.py")
    expected = desk.capture()
    for key, value in HOSTILE.items():
        desk.git("config", "--global", key, value)
    captured = desk.capture()
    assert captured.spec.source == expected.spec.source
    rebuilt(captured)


def test_files_that_were_only_touched_are_no_change(desk: Desk) -> None:
    os.utime(desk.root / "train.py", (1, 1))
    assert desk.capture().spec.source.diff is None


def test_edits_that_the_user_hid_from_git_travel(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.git("update-index", "--assume-unchanged", "train.py")
    desk.git("update-index", "--skip-worktree", "data/table.csv")
    desk.write("train.py", "print('hidden edit')\n")
    desk.write("data/table.csv", "hidden\n")
    rebuilt(desk.capture())
    assert desk.git("ls-files", "-v", "train.py", "data/table.csv").splitlines() == [
        "S data/table.csv",
        "h train.py",
    ]


def test_nothing_in_the_repository_changes_by_a_capture(desk: Desk) -> None:
    desk.write("train.py", "print('edited')\n")
    desk.write("new.py", "")
    os.utime(desk.root / "run.sh")

    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in desk.root.rglob("*") if path.is_file()}

    before = state()
    desk.capture()
    assert state() == before


def test_a_file_that_is_only_meant_to_be_added_travels(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("planned.py", "x = 1\n")
    desk.git("add", "--intent-to-add", "planned.py")
    rebuilt(desk.capture())


def test_untracked_files_travel_and_ignored_ones_do_not(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("new/deep/module.py", "x = 1\n")
    desk.write("tool.sh", "#!/bin/sh\n", mode=0o755)
    desk.write("empty", "")
    desk.write("debug.log", "ignored\n")
    desk.write(".venv/lib/x.py", "ignored\n")
    tree = rebuilt(desk.capture())
    assert not (tree / "debug.log").exists()
    assert os.access(tree / "tool.sh", os.X_OK)


def test_a_file_taken_out_of_the_index_but_kept_travels(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.git("rm", "-q", "--cached", "train.py", "run.sh")
    rebuilt(desk.capture())


def test_a_file_that_became_a_folder_and_the_other_way_round_travels(desk: Desk, rebuilt: Rebuilt) -> None:
    (desk.root / "run.sh").unlink()
    desk.write("run.sh/part", "x\n")
    (desk.root / "data/table.csv").unlink()
    (desk.root / "data").rmdir()
    desk.write("data", "now a file\n")
    rebuilt(desk.capture())


def test_a_merge_that_is_not_finished_is_refused_and_named(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.git("checkout", "-q", "-b", "other")
    desk.write("train.py", "print('theirs')\n")
    desk.write("data/table.csv", "theirs\n")
    desk.commit()
    desk.git("checkout", "-q", "main")
    desk.write("train.py", "print('ours')\n")
    desk.git("rm", "-q", "data/table.csv")
    desk.commit()
    with pytest.raises(AssertionError):
        desk.git("merge", "other")
    with pytest.raises(CaptureError, match=r"in conflict are data/table\.csv, train\.py") as caught:
        desk.capture()
    assert "Resolve" in caught.value.next_step
    desk.git("checkout", "--theirs", "train.py", "data/table.csv")
    desk.git("add", "--all")
    rebuilt(desk.capture())


def test_the_untracked_tar_is_the_same_for_the_same_files(desk: Desk) -> None:
    desk.write("b.txt", "b", mode=0o600)
    desk.write("a.txt", "a", mode=0o755)
    first = desk.capture()
    os.utime(desk.root / "a.txt", (1, 1))
    (desk.root / "b.txt").chmod(0o664)
    assert desk.capture().payloads == first.payloads
    tar = payload(first, first.spec.source.untracked)
    assert tar is not None
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        members = archive.getmembers()
    assert [(member.name, member.mode, member.mtime, member.uid) for member in members] == [
        ("a.txt", 0o755, 0, 0),
        ("b.txt", 0o644, 0, 0),
    ]


def test_links_that_lead_out_and_pipes_stay_at_the_desk_and_are_named(desk: Desk, rebuilt: Rebuilt) -> None:
    leading_out = {
        "out": "/etc",
        "up": "../x",
        "up_and_in": f"../{desk.root.name}/train.py",
        "own": ".git/HEAD",
    }
    for name, target in {**leading_out, "dangling": "nowhere", "data/in": "../train.py"}.items():
        (desk.root / name).symlink_to(target)
    os.mkfifo(desk.root / "pipe")
    captured = desk.capture()
    assert any("out, own, pipe, up, up_and_in" in note or "out, own, up" in note for note in captured.notes)
    assert not any("dangling" in note for note in captured.notes)
    rebuilt(captured, without=list(leading_out))


def test_changed_links_are_no_part_of_the_diff(desk: Desk, tmp_path: Path) -> None:
    (desk.root / "kept").symlink_to("train.py")
    (desk.root / "moved").symlink_to("train.py")
    desk.commit()
    (desk.root / "moved").unlink()
    (desk.root / "moved").symlink_to("/etc/passwd")
    (desk.root / "added").symlink_to("/etc")
    (desk.root / "run.sh").unlink()
    (desk.root / "run.sh").symlink_to("train.py")
    desk.git("add", "added")
    desk.write("train.py", "print('edited')\n")
    captured = desk.capture()
    assert any("lead out of the tree" in note and "added, moved" in note for note in captured.notes)
    diff = payload(captured, captured.spec.source.diff)
    assert diff is not None
    assert b"120000" not in diff
    assert b"edited" in diff
    tree = rebuild(captured, tmp_path / "tree")
    assert not (tree / "added").is_symlink()
    assert (tree / "moved").readlink() == Path("train.py")
    assert (tree / "run.sh").readlink() == Path("train.py")


@pytest.mark.parametrize("staged", [True, False])
def test_a_folder_in_the_place_of_a_committed_link_travels(
    desk: Desk, rebuilt: Rebuilt, staged: bool
) -> None:
    (desk.root / "mnt").symlink_to("data")
    desk.commit()
    (desk.root / "mnt").unlink()
    desk.write("mnt/table.csv", "now real\n")
    if staged:
        desk.git("add", "--all")
    rebuilt(desk.capture())


def test_an_untracked_list_of_submodules_stays_at_the_desk(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write(".gitmodules", "")
    captured = desk.capture()
    assert any(".gitmodules" in note for note in captured.notes)
    rebuilt(captured, without=[".gitmodules"])


def test_a_diff_that_speaks_of_links_in_its_text_keeps_that_text(desk: Desk, rebuilt: Rebuilt) -> None:
    desk.write("train.py", "# .gitmodules\n'''\\nnew file mode 120000\\n'''\n")
    captured = desk.capture()
    assert captured.notes == ()
    rebuilt(captured)


def test_submodules_and_nested_repositories_are_named_and_do_no_harm(
    desk: Desk, make_desk: Callable[[str], Desk], rebuilt: Rebuilt
) -> None:
    library = make_desk("library")
    library.write("lib.py", "x = 1\n")
    library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "libs/library")
    nested = desk.root / "nested"
    nested.mkdir()
    git(nested, "init", "-q")
    staged = desk.capture()
    assert any(".gitmodules" in note for note in staged.notes)
    assert any("nested" in note for note in staged.notes)
    rebuilt(staged, without=[".gitmodules"])
    desk.git("commit", "-q", "-m", "submodule")
    desk.write("libs/library/lib.py", "x = 2\n")
    dirty = desk.capture()
    assert dirty.spec.source.diff is None
    assert dirty.spec.source.submodules is not None
    (submodule,) = dirty.spec.source.submodules
    assert submodule.path == "libs/library"
    assert submodule.source.commit == git(library.root, "rev-parse", "HEAD").decode().strip()
    assert b"x = 2" in (payload(dirty, submodule.source.diff) or b"")
    assert decode(TaskSpec, encode(dirty.spec)) == dirty.spec


def test_files_in_the_place_of_a_submodule_travel_and_the_other_way_round_is_refused(
    desk: Desk, make_desk: Callable[[str], Desk], tmp_path: Path
) -> None:
    library = make_desk("library")
    library.write("lib.py", "x = 1\n")
    library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "library")
    desk.commit("submodule")
    desk.git("rm", "-q", "library")
    desk.write("library/lib.py", "now our own\n")
    for number in range(2):
        tree = rebuild(desk.capture(), tmp_path / f"tree-{number}")
        assert (tree / "library/lib.py").read_text() == "now our own\n"
        desk.git("add", "--all")
    desk.git("rm", "-q", "--cached", "library/lib.py")
    (desk.root / "library/lib.py").unlink()
    (desk.root / "library").rmdir()
    desk.write("library", "now a file\n")
    for _ in range(2):
        captured = desk.capture()
        tar = payload(captured, captured.spec.source.untracked)
        assert tar is not None
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            assert archive.getnames() == ["library"]
        desk.git("add", "--all")
    desk.commit()
    desk.git("rm", "-q", "library")
    desk.git("submodule", "--quiet", "add", "--force", str(library.root), "library")
    with pytest.raises(CaptureError, match="was committed as a file, and is a submodule now"):
        desk.capture()


def test_a_submodule_that_is_not_checked_out_is_named(
    desk: Desk, make_desk: Callable[[str], Desk], tmp_path: Path
) -> None:
    library = make_desk("library")
    library.write("lib.py", "x = 1\n")
    library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "library")
    desk.commit("submodule")
    git(tmp_path, "clone", "-q", str(desk.root), "clone")
    captured = Desk(tmp_path / "clone").capture()
    assert captured.spec.source.submodules == ()
    assert any("not checked out" in note and "library" in note for note in captured.notes)


def test_a_submodule_at_a_path_travels_whole_where_the_outer_repository_has_another_address(
    desk: Desk, make_desk: Callable[[str], Desk]
) -> None:
    library = make_desk("library")
    library.write("lib.py", "x = 1\n")
    library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "library")
    desk.commit("submodule")
    desk.git("remote", "add", "origin", "https://example.org/a.git")
    (submodule,) = desk.capture().spec.source.submodules or ()
    assert submodule.source.repository is None
    assert submodule.source.bundle is not None
    desk.git("remote", "set-url", "origin", str(desk.root))
    (submodule,) = desk.capture().spec.source.submodules or ()
    assert submodule.source.repository == str(library.root)
    assert submodule.source.bundle is None


def test_limits_hold_for_a_repository_and_its_submodules_together(
    desk: Desk, make_desk: Callable[[str], Desk]
) -> None:
    library = make_desk("library")
    library.write("lib.bin", os.urandom(60_000))
    library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "library")
    desk.git("remote", "add", "origin", "https://example.org/a.git")
    desk.write("own.bin", os.urandom(60_000))
    desk.commit("submodule")
    for folder in ("library", "."):
        desk.write(f"{folder}/new.bin", b"x" * 900)
    with pytest.raises(UntrackedTooLarge, match="and its submodules"):
        desk.capture(untracked_limit=1000)
    with pytest.raises(BundleTooLarge, match="and its submodules"):
        desk.capture(bundle_limit=100_000)
    assert desk.capture(untracked_limit=1800, bundle_limit=200_000).spec.source.submodules


# --- limits -----------------------------------------------------------------------------


def test_too_many_untracked_bytes_are_refused_and_the_largest_named(desk: Desk) -> None:
    for number in range(8):
        desk.write(f"data/part-{number}", b"x" * (1000 * (number + 1)))
    desk.write("debug.log", b"x" * 100_000)
    with pytest.raises(UntrackedTooLarge) as caught:
        desk.capture(untracked_limit=35_999)
    message = str(caught.value)
    assert message.index("part-7") < message.index("part-6") < message.index("part-3")
    assert "part-2" not in message
    assert "debug.log" not in message
    assert "7.8 KiB" in message
    assert ".gitignore" in message
    assert "ELSEWHERE_UNTRACKED_LIMIT" in message
    assert desk.capture(untracked_limit=36_000).spec.source.untracked is not None


def test_too_many_unpushed_bytes_are_refused_with_what_to_do(desk: Desk, tmp_path: Path) -> None:
    desk.publish(tmp_path / "remote.git")
    desk.write("weights.bin", os.urandom(3_000_000))
    desk.commit()
    with pytest.raises(BundleTooLarge) as caught:
        desk.capture(bundle_limit=1024 * 1024)
    message = str(caught.value)
    assert "1 commits" in message
    assert "2.9 MiB" in message
    assert "1.0 MiB" in message
    assert "Push" in message


def test_a_file_that_cannot_be_read_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = desk.write("secret.key", "x")
    readable = os.access
    # The tests may run as a user who may read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: path != secret and readable(path, mode))
    captured = desk.capture()
    assert any("secret.key" in note for note in captured.notes)
    assert captured.spec.source.untracked is None


def test_a_capture_may_be_rebuilt_by_others(desk: Desk, tmp_path: Path) -> None:
    desk.write("new.py", "x = 1\n")
    captured = desk.capture()
    assert isinstance(captured, Capture)
    tree = require_identical(captured, tmp_path / "a" / "b")
    assert stat.S_ISREG((tree / "new.py").stat().st_mode)
