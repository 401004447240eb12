"""``Task.create``: a draft of a script here, of a repository elsewhere or of another task, and nothing run."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from elsewhere import Task
from elsewhere.contract.errors import CaptureError, ScriptMissing, TaskNotFound, UsageError
from elsewhere.contract.spec import Image
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.face.stores import the_store
from elsewhere.making import overrides_of

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path if path.suffix else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "work")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def server(valkey_url: str, elsewhere_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", valkey_url)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    desk = tmp_path / "desk"
    desk.mkdir()
    monkeypatch.chdir(desk)
    return valkey_url


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A working copy named `digits`, with a script below `src`."""
    folder = tmp_path / "digits"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, src__train="import redis\nprint('trained')\n", main="print('main')\n")
    return folder


@pytest.fixture
def origin(repo: Path, tmp_path: Path) -> Path:
    """The bare repository that `digits` is pushed to."""
    bare = tmp_path / "origin.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
    git(repo, "remote", "add", "origin", str(bare))
    git(repo, "fetch", "-q", "origin")
    return bare


def made(**arguments: Any) -> TaskRecord:
    return the_store().get(Task.create(**arguments).id)


class TestFromHere:
    """A script in a folder of this machine."""

    def test_a_script_is_captured_as_it_stands_and_nothing_is_run(self, repo: Path) -> None:
        (repo / "src" / "train.py").write_text("import redis\nopen('ran', 'w')\n")
        (repo / "note.txt").write_text("new")
        task = made(project_name="numbers", task_name="svm", script=repo / "src" / "train.py")
        assert (task.project, task.name, task.type, task.status) == (
            "numbers",
            "svm",
            "training",
            Status.CREATED,
        )
        entry, source = task.spec.entry, task.spec.source
        assert (entry.script, entry.working_directory, entry.kind) == ("src/train.py", ".", "script")
        assert source.commit == git(repo, "rev-parse", "HEAD")
        assert source.diff is not None
        assert b"ran" in the_store().get_blob(source.diff)
        assert source.untracked is not None
        with tarfile.open(fileobj=BytesIO(the_store().get_blob(source.untracked))) as archive:
            assert archive.getnames() == ["note.txt"]
        assert any(line.startswith("redis==") for line in task.spec.packages.requirements)
        assert not (Path.cwd() / "ran").exists()
        assert not (repo / "ran").exists()

    def test_names_are_the_repository_s_and_the_script_s_where_nobody_says(self, repo: Path) -> None:
        task = made(script=str(repo / "src" / "train.py"))
        assert (task.project, task.name) == ("digits", "train")

    def test_a_script_is_named_from_the_repository_and_may_start_in_a_folder_of_it(self, repo: Path) -> None:
        for script in ("src/train.py", "train.py"):
            entry = made(repo=repo, script=script, working_directory="src").spec.entry
            assert (entry.script, entry.working_directory) == ("src/train.py", "src")

    def test_a_relative_script_is_found_from_where_this_process_stands(
        self, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(repo / "src")
        entry = made(script="train.py").spec.entry
        assert (entry.script, entry.working_directory) == ("src/train.py", ".")

    def test_a_lone_script_travels_whole_and_that_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("alone.py").write_text("print('alone')\n")
        task = made(script="alone.py")
        assert (task.spec.source.commit, task.spec.entry.script) == (None, "alone.py")
        assert task.spec.source.untracked is not None
        assert "is in no git repository" in capsys.readouterr().err

    def test_a_module_brings_its_arguments(self, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo)
        task = made(module="src.train --lr '0.1 or so'")
        assert (task.spec.entry.script, task.spec.entry.kind) == ("src.train", "module")
        assert task.spec.entry.arguments == ("--lr", "0.1 or so")
        assert task.name == "train"

    def test_a_module_that_a_package_here_does_not_have_is_told(
        self, repo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(repo)
        (repo / "src" / "__init__.py").touch()
        with pytest.raises(ScriptMissing, match=r"no module src\.trian to run\n.*train\.py"):
            Task.create(module="src.trian --lr 1")
        assert made(module="json.tool").spec.entry.script == "json.tool"

    def test_a_script_that_is_not_there_is_told_with_those_that_are(self, repo: Path) -> None:
        with pytest.raises(ScriptMissing, match=r"train\.py"):
            Task.create(script=repo / "src" / "trian.py")
        with pytest.raises(ScriptMissing, match="no script"):
            Task.create(repo=repo, script="nowhere.py")
        assert the_store().newest() == []

    def test_a_folder_that_is_no_repository_is_refused(self, tmp_path: Path) -> None:
        folder = tmp_path / "plain"
        folder.mkdir()
        (folder / "train.py").write_text("")
        with pytest.raises(CaptureError, match="cannot be asked"):
            Task.create(repo=folder, script="train.py")
        with pytest.raises(CaptureError, match="There is no repository"):
            Task.create(repo=tmp_path / "nothing", script="train.py")

    def test_a_script_of_another_repository_is_refused(self, repo: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        commit(other, else_="")
        with pytest.raises(UsageError, match="not in the repository"):
            Task.create(repo=repo, script=other / "else_.py")

    def test_packages_are_lines_or_a_file_or_none(self, repo: Path) -> None:
        script = repo / "src" / "train.py"
        packages = made(script=script, packages=["tqdm>=4", "scikit-learn"]).spec.packages
        assert (packages.requirements, packages.origin) == (("tqdm>=4", "scikit-learn"), "recorded")
        assert not any(line.startswith("tqdm==") for line in packages.freeze)
        assert made(script=script, packages=True).spec.packages.requirements == ("redis==" + redis_version(),)
        assert made(script=script, packages="").spec.packages.origin == "none"
        nothing = made(script=script, packages=False).spec.packages
        assert (nothing.requirements, nothing.freeze, nothing.origin) == ((), (), "")
        Path("needs.txt").write_text("# ours\ntqdm>=4 # bars\n")
        packages = made(script=script, requirements_file="needs.txt").spec.packages
        assert (packages.requirements, packages.origin) == (("tqdm>=4",), "recorded")

    def test_a_file_with_options_is_followed_where_it_is_in_the_tree(self, repo: Path) -> None:
        (repo / "base.txt").write_text("six\n")
        (repo / "needs.txt").write_text("-r base.txt\ntqdm\n")
        packages = made(script=repo / "main.py", requirements_file=repo / "needs.txt").spec.packages
        assert (packages.requirements_files, packages.origin) == (("needs.txt",), "requirements")
        Path("needs.txt").write_text("-r base.txt\n")
        with pytest.raises(UsageError, match="outside"):
            Task.create(script=repo / "main.py", requirements_file="needs.txt")

    def test_an_image_and_arguments_of_the_script_are_taken(self, repo: Path) -> None:
        task = made(
            script=repo / "main.py",
            docker="python:3.12",
            docker_args="--shm-size 8g",
            docker_bash_setup_script=["apt update", "echo done"],
            argparse_args=[("lr", "0.1"), "--name=x y", ("Args/layers", [1, 2])],
        )
        assert task.spec.image == Image("python:3.12", ("--shm-size", "8g"), "apt update\necho done")
        assert task.parameters == {"Args/lr": 0.1, "Args/name": "x y", "Args/layers": [1, 2]}
        assert set(task.overrides) == set(task.parameters)


def redis_version() -> str:
    from importlib.metadata import version

    return version("redis")


class TestFromElsewhere:
    """A repository that is fetched from."""

    def test_the_commit_is_the_one_that_stands_there_now(self, repo: Path, origin: Path) -> None:
        head = git(repo, "rev-parse", "HEAD")
        task = made(repo=f"file://{origin}", script="./src/train.py", working_directory="src")
        source = task.spec.source
        assert (source.repository, source.commit, source.branch) == (f"file://{origin}", head, "main")
        assert (source.diff, source.untracked, source.bundle) == (None, None, None)
        assert (task.spec.entry.script, task.spec.entry.working_directory) == ("src/train.py", "src")
        assert (task.project, task.name) == ("origin", "train")
        assert task.spec.packages.requirements == ()

    def test_branches_tags_and_the_beginning_of_a_hash_are_found(self, repo: Path, origin: Path) -> None:
        first = git(repo, "rev-parse", "HEAD")
        git(repo, "tag", "-a", "v1", "-m", "one")
        git(repo, "checkout", "-q", "-b", "wide/nets")
        second = commit(repo, more="x = 1\n")
        git(repo, "push", "-q", "origin", "wide/nets", "v1")
        place = {"repo": str(origin), "script": "main.py"}
        assert made(**place, branch="v1").spec.source.commit == first
        source = made(**place, branch="wide/nets").spec.source
        assert (source.commit, source.branch) == (second, "wide/nets")
        assert made(**place, commit=second[:9]).spec.source.commit == second
        with pytest.raises(CaptureError, match=r"no branch or tag 'gone'.*\n.*main, wide/nets"):
            Task.create(**place, branch="gone")
        with pytest.raises(CaptureError, match="no full hash"):
            Task.create(**place, commit="123456")

    def test_a_full_hash_is_taken_without_asking_anybody(self) -> None:
        task = made(repo="https://git.invalid/team/nets.git", commit="a" * 40, script="main.py")
        assert (task.spec.source.commit, task.project) == ("a" * 40, "nets")

    def test_a_repository_that_does_not_answer_makes_no_task(self, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match=r"cannot be asked.*\n.*full hash"):
            Task.create(repo=f"file://{tmp_path}/gone.git", script="main.py")
        assert the_store().newest() == []

    def test_credentials_in_a_url_never_reach_a_task(self) -> None:
        task = made(
            repo="https://ada:s3cret@git.invalid/team/nets.git?t=s3cret", commit="a" * 40, script="main.py"
        )
        assert "s3cret" not in repr(task)
        assert task.spec.source.repository == "https://git.invalid/team/nets.git"
        with pytest.raises(CaptureError) as told:
            Task.create(repo="https://ada:s3cret@127.0.0.1:1/nets.git", script="main.py")
        assert "s3cret" not in str(told.value)

    def test_a_working_copy_at_another_commit_stands_for_its_remote(self, repo: Path, origin: Path) -> None:
        first = git(repo, "rev-parse", "HEAD")
        second = commit(repo, more="x = 1\n")
        task = made(repo=repo, commit=first[:8], script="main.py")
        assert (task.spec.source.repository, task.spec.source.commit) == (str(origin), first)
        with pytest.raises(CaptureError, match="not on its remote 'origin'"):
            Task.create(repo=repo, branch="main", script="main.py")
        assert made(repo=repo, script="main.py").spec.source.commit == second

    def test_a_path_out_of_the_repository_is_refused(self) -> None:
        place = {"repo": "https://git.invalid/nets.git", "commit": "a" * 40}
        for script, folder in (("../x.py", None), ("/etc/x.py", None), ("x.py", "../up"), ("x.py", "/etc")):
            with pytest.raises(UsageError, match="not in the repository"):
                Task.create(**place, script=script, working_directory=folder)  # type: ignore[arg-type]

    def test_lines_and_a_file_are_taken_and_what_is_installed_here_is_not(self) -> None:
        place: dict[str, Any] = {"repo": "https://git.invalid/nets.git", "commit": "a" * 40, "script": "x.py"}
        assert made(**place, packages=["tqdm"]).spec.packages.requirements == ("tqdm",)
        Path("needs.txt").write_text("tqdm\n")
        assert made(**place, requirements_file="needs.txt").spec.packages.requirements == ("tqdm",)
        with pytest.raises(UsageError, match="packages=True"):
            Task.create(**place, packages=True)


class TestFromATask:
    """A clone, with what is given in place of its own."""

    def test_what_is_given_replaces_and_all_else_is_the_task_s_own(self, repo: Path) -> None:
        base = made(
            project_name="numbers", task_name="svm", script=repo / "main.py", argparse_args=["lr=0.5"]
        )
        task = made(
            task_name="again",
            base_task_id=base.id[:10],
            docker="python:3.12",
            packages=["tqdm"],
            script="src/train.py",
            argparse_args={"depth": 3},
            task_type="testing",
        )
        assert (task.project, task.name, task.type, task.parent) == ("numbers", "again", "testing", base.id)
        assert task.parameters == {"Args/lr": 0.5, "Args/depth": 3}
        assert set(task.overrides) == {"Args/lr", "Args/depth"}
        assert task.spec.entry.script == "src/train.py"
        assert task.spec.source == base.spec.source
        assert task.spec.packages.requirements == ("tqdm",)
        assert task.spec.image == Image("python:3.12")

    def test_alone_it_is_a_clone(self, repo: Path) -> None:
        base = made(project_name="numbers", task_name="svm", script=repo / "main.py")
        task = made(base_task_id=base.id)
        assert (task.name, task.spec) == ("Clone Of svm", base.spec)

    def test_another_repository_takes_the_place_of_its_own(self, repo: Path) -> None:
        base = made(script=repo / "main.py")
        (repo / "new.txt").write_text("x")
        task = made(base_task_id=base.id, repo="https://git.invalid/nets.git", commit="b" * 40)
        assert (task.spec.source.repository, task.spec.source.commit) == (
            "https://git.invalid/nets.git",
            "b" * 40,
        )
        assert task.spec.entry == base.spec.entry

    def test_a_task_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(TaskNotFound):
            Task.create(base_task_id="f" * 32)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"script": "a.py", "module": "a"}, "begins with one of them"),
    ({"repo": "https://git.invalid/x.git"}, "nothing of it to run"),
    ({"script": "a.py", "branch": "main"}, "no repository"),
    ({"script": "a.py", "packages": ["six"], "requirements_file": "needs.txt"}, "both say"),
    ({"script": "a.py", "packages": "six"}, "no list"),
    ({"script": "a.py", "docker_args": "--rm"}, "without an image"),
    ({"script": "a.py", "argparse_args": ["lr"]}, "no argument with a value"),
    ({"script": "a.py", "argparse_args": ["=1"]}, "has no name"),
    ({"script": "a.py", "argparse_args": {"lock": object()}}, "'lock' cannot be kept"),
    ({"script": "a.py", "task_name": "ab"}, "too short"),
    ({"script": "a.py", "task_name": 123}, "is no text"),
    ({"script": "a.py", "requirements_file": "gone.txt"}, "cannot be read"),
    ({"script": "a.py", "packages": ["six\n--pre"]}, "more than one line"),
    ({"module": "a-b"}, "names no module"),
    ({"script": "a.py", "working_directory": "gone"}, "is not there"),
    ({"task_name": "nothing"}, "nothing to name"),
]


@pytest.mark.parametrize(("arguments", "words"), CONTRADICTIONS, ids=[words for _, words in CONTRADICTIONS])
def test_what_makes_no_sense_makes_no_task(arguments: dict[str, Any], words: str) -> None:
    Path("a.py").write_text("")
    with pytest.raises(UsageError, match=words):
        Task.create(**arguments)
    assert the_store().newest() == []


def test_an_empty_draft_is_filled_later(repo: Path) -> None:
    task = Task.create(project_name="numbers", task_name="later")
    task.set_script(repository="https://git.invalid/x.git", commit="c" * 40, entry_point="main.py")
    spec = the_store().get(task.id).spec
    assert (spec.source.commit, spec.entry.script) == ("c" * 40, "main.py")


def test_arguments_are_typed_as_on_the_command_line() -> None:
    assert overrides_of(["lr=1e-3", "n=3", "on=true", "text=a=b"]) == {
        "Args/lr": "1e-3", "Args/n": 3, "Args/on": True, "Args/text": "a=b",
    }  # fmt: skip
    given = {"out": Path("runs"), "sizes": (8, 16), "none": None}
    assert overrides_of(given) == {"Args/out": "runs", "Args/sizes": [8, 16], "Args/none": None}  # type: ignore[arg-type]


def test_a_current_task_gives_its_project(repo: Path, tmp_path: Path, server: str) -> None:
    script = f"""
from elsewhere import Task
Task.init(project_name="numbers", task_name="parent")
print(Task.create(script={str(repo / "main.py")!r}).project)
"""
    (tmp_path / "parent.py").write_text(script)
    run: Callable[..., Any] = subprocess.run
    done = run([sys.executable, tmp_path / "parent.py"], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == "numbers", done.stderr
