"""What is started is found as Python finds it, or refused with the reason."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere.capture import Capture, capture
from elsewhere.contract.errors import CaptureError, ScriptMissing, UntrackedTooLarge
from elsewhere.contract.spec import Entry
from tests.capture.conftest import Desk
from tests.capture.rebuild import payload, rebuild, rebuilt_files


def test_script_and_working_directory_are_relative_to_the_root(desk: Desk) -> None:
    desk.write("jobs/deep/eval.py", "")
    captured = desk.capture("../jobs/deep/eval.py", ["--x", "-1", ""], working_directory=desk.root / "data")
    assert captured.spec.entry == Entry(
        "jobs/deep/eval.py", working_directory="data", arguments=("--x", "-1", "")
    )
    assert desk.capture(desk.root / "train.py").spec.entry == Entry("train.py")


def test_the_process_working_directory_counts_where_none_is_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.root / "data")
    assert desk.capture("../train.py", working_directory=None).spec.entry.working_directory == "data"


def test_a_root_that_is_reached_by_a_link_is_the_same_root(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(desk.root)
    captured = desk.capture(working_directory=tmp_path / "link/data", script=str(tmp_path / "link/train.py"))
    assert captured.root == desk.root
    assert captured.spec.entry == Entry("train.py", working_directory="data")


def test_a_working_directory_outside_falls_back_to_the_scripts_folder(desk: Desk, tmp_path: Path) -> None:
    desk.write("jobs/eval.py", "")
    captured = desk.capture(desk.root / "jobs/eval.py", working_directory=tmp_path)
    assert captured.spec.entry.working_directory == "jobs"
    assert any(str(tmp_path) in note for note in captured.notes)


def test_a_missing_script_is_named_with_close_names(desk: Desk) -> None:
    with pytest.raises(ScriptMissing) as caught:
        desk.capture("trian.py")
    assert str(desk.root / "trian.py") in caught.value.what
    assert "train.py" in caught.value.next_step


@pytest.mark.parametrize("path", ["nowhere/train.py", "data", ".", "train.py/x"])
def test_what_is_no_file_is_no_script(desk: Desk, path: str) -> None:
    with pytest.raises(ScriptMissing):
        desk.capture(path)


def test_an_ignored_script_is_refused(desk: Desk) -> None:
    desk.write(".gitignore", "scratch/\n")
    desk.write("scratch/try.py", "")
    with pytest.raises(CaptureError, match="ignored by git"):
        desk.capture("scratch/try.py")


def test_a_script_that_is_an_uncommitted_link_is_refused_where_it_leads_out(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "outside.py").write_text("")
    (desk.root / "out.py").symlink_to(tmp_path / "outside.py")
    (desk.root / "link.py").symlink_to("train.py")
    for _ in range(2):
        with pytest.raises(CaptureError, match="symbolic link that leads out"):
            desk.capture("out.py")
        assert desk.capture("link.py").spec.entry.script == "link.py"
        desk.git("add", "out.py", "link.py")
    desk.commit()
    assert desk.capture("out.py").spec.entry.script == "out.py"


def test_names_and_arguments_that_are_no_text_are_refused(desk: Desk) -> None:
    name = os.fsdecode(b"tr\xe9s.py")
    desk.write(name, "")
    with pytest.raises(CaptureError, match="xe9"):
        desk.capture(name)
    with pytest.raises(CaptureError, match="xe9"):
        desk.capture("train.py", [os.fsdecode(b"--x=\xe9")])


def test_a_module_is_found_from_the_working_directory(desk: Desk) -> None:
    desk.write("pkg/__init__.py", "")
    desk.write("pkg/run.py", "from . import other\n")
    desk.write("pkg/other.py", "")
    captured = desk.capture("pkg.run", ["-v"], kind="module")
    assert captured.spec.entry == Entry("pkg.run", "module", ".", ("-v",))
    assert captured.notes == ()
    with pytest.raises(ScriptMissing):
        desk.capture("pkg/run.py", kind="module")


def test_a_script_in_a_submodule_is_a_run_of_that_repository(
    desk: Desk, make_desk: Callable[[str], Desk]
) -> None:
    library = make_desk("library")
    library.write("lib.py", "x = 1\n")
    commit = library.commit()
    desk.git("submodule", "--quiet", "add", str(library.root), "libs/library")
    captured = desk.capture("lib.py", working_directory=desk.root / "libs/library")
    assert captured.root == desk.root / "libs/library"
    assert captured.spec.source.commit == commit


# --- outside any repository ----------------------------------------------------------------


def alone(path: Path, **options: object) -> Capture:
    limits = {"untracked_limit": 1000, "bundle_limit": 1000, "search_path": []}
    return capture(path, ["--x"], **{**limits, **options})  # type: ignore[arg-type]


def test_a_script_outside_any_repository_travels_whole_and_needs_no_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "lone.py"
    script.write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    captured = alone(script)
    assert captured.spec.entry == Entry("lone.py", arguments=("--x",))
    assert captured.spec.source.commit is None
    assert captured.spec.source.untracked is not None
    assert len(captured.payloads) == 1
    assert any("helper.py" in note for note in captured.notes)
    monkeypatch.undo()
    tree = rebuild(captured, tmp_path / "elsewhere")
    assert rebuilt_files(tree) == {"lone.py": ("100644", b"import helper\n")}


def test_a_lone_script_that_is_a_link_travels_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/script.py").write_text("print(1)\n")
    (tmp_path / "link.py").symlink_to("real/script.py")
    captured = alone(tmp_path / "link.py")
    tar = payload(captured, captured.spec.source.untracked)
    assert tar is not None
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == [captured.spec.entry.script] == ["script.py"]


def test_a_lone_script_keeps_within_the_limit(tmp_path: Path) -> None:
    (tmp_path / "lone.py").write_text("#" * 1001)
    with pytest.raises(UntrackedTooLarge):
        alone(tmp_path / "lone.py")


def test_a_lone_module_travels_and_a_package_without_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lone.py").write_text("")
    captured = alone(Path("lone"), kind="module", working_directory=tmp_path)
    assert captured.spec.entry == Entry("lone", "module", ".", ("--x",))
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__main__.py").write_text("")
    with pytest.raises(CaptureError, match="git init"):
        alone(Path("pkg"), kind="module", working_directory=tmp_path)
