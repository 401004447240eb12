"""What a script asks for over what was captured: it reaches the task from a desk, and nothing in an attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, Image, Packages, TaskSpec
from elsewhere.store.redis import RedisStore
from elsewhere.wish import Wish, checked_image, checked_packages
from elsewhere.wish.requirement import are_plain, checked_line, name_of, pinned
from tests.parameters.desk import Desk

SCRIPT = """
from elsewhere import Task
task = Task.init(project_name="digits", task_name="svm")
task.set_base_docker("python:3.12", "--shm-size 8g --label 'a b'", setup_script="echo hello")
task.set_packages(requirements_files=["needs.txt"], no_build_isolation=["flash-attn"])
task.execute_remotely()
print("elsewhere")
"""


def test_an_image_and_an_origin_reach_the_task(
    repository: Desk, valkey_url: str, elsewhere_home: Path
) -> None:
    (repository.folder / "needs.txt").write_text("six\n")
    ran = repository.run(SCRIPT, ELSEWHERE_REDIS_URL=valkey_url)
    assert (ran.code, ran.stderr) == (0, "")
    assert "elsewhere\n" not in ran.stdout
    store = RedisStore(valkey_url)
    (task,) = store.newest()
    store.close()
    assert task.spec.image == Image("python:3.12", ("--shm-size", "8g", "--label", "a b"), "echo hello")
    packages = task.spec.packages
    assert (packages.origin, packages.requirements_files) == ("requirements", ("needs.txt",))
    assert packages.no_build_isolation == ("flash-attn",)


def test_in_an_attempt_both_do_nothing(desk: Desk) -> None:
    ran = desk.attempt(SCRIPT)
    assert (ran.code, ran.stdout, ran.stderr) == (0, "elsewhere\n", "")


def test_files_are_named_from_where_the_run_starts_and_kept_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "needs.txt").write_text("")
    spec = TaskSpec(Entry("train.py"), packages=Packages(requirements=("six==1",)))
    wish = Wish(origin="requirements", requirements_files=("needs.txt",))
    packages = wish.fulfilled(spec, tmp_path, tmp_path / "sub").packages
    assert packages.requirements_files == ("sub/needs.txt",)
    assert packages.requirements == ("six==1",)
    with pytest.raises(UsageError, match="is not there"):
        wish.fulfilled(spec, tmp_path, tmp_path)
    with pytest.raises(UsageError, match="outside"):
        wish.fulfilled(spec, tmp_path / "other", tmp_path / "sub")


def test_an_empty_wish_changes_nothing(tmp_path: Path) -> None:
    spec = TaskSpec(Entry("train.py"), packages=Packages(origin="lock"), image=Image("x"))
    assert Wish().fulfilled(spec, tmp_path, tmp_path) == spec


@pytest.mark.parametrize("origin", ["recorded", "requirements", "lock", "none", "existing:/opt/torch", ""])
def test_these_origins_are_there(origin: str) -> None:
    assert checked_packages(origin).origin == origin


@pytest.mark.parametrize("origin", ["pip", "existing:", "existing", "existing:venvs/torch", "Recorded"])
def test_others_are_refused(origin: str) -> None:
    with pytest.raises(UsageError, match="packages cannot come from"):
        checked_packages(origin)


def test_what_contradicts_itself_or_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="say nothing"):
        checked_packages("lock", ["needs.txt"])
    with pytest.raises(UsageError, match="no package's name"):
        checked_packages(no_build_isolation=["torch>=2"])
    with pytest.raises(UsageError, match="cannot be read"):
        checked_image("python", "--label 'a")
    for name in ("", "--privileged", "a b"):
        with pytest.raises(UsageError, match="names no image"):
            checked_image(name)


@pytest.mark.parametrize(
    "line",
    [
        "numpy", "numpy==2.1", "torch>=2,<3", "torch (>=2)", "scikit-learn[tests, docs]~=1.4 ; python_version < '3.12'",
        "name @ https://files.invalid/name-1.whl#sha256=ab", "git+https://git.invalid/x@v1.0", "--pre",
        "git+ssh://git@git.invalid/x.git@main", "--extra-index-url https://index.invalid/simple",
        "--no-binary :all:", "torch==2.4.0+cu121", "jax[cuda12]", "zope.interface", "x===1.0-custom",
    ],
)  # fmt: skip
def test_these_lines_travel(line: str) -> None:
    assert checked_line(f"  {line}  # why") == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("six\n--pre", "more than one line"),
        ("six\rsix", "more than one line"),
        ("numpy 1.2", "no requirement"),
        ("numpy=1.2", "no requirement"),
        ("numpy==", "no requirement"),
        ("numpy==two", "no requirement"),
        (2.1, "is no text"),
        ("six\x00", "no requirement"),
        ("x" * 3000, "no requirement"),
        ("-e .", "no requirement"),
        ("-r base.txt", "no requirement"),
        ("./nets", "no requirement"),
        ("/opt/nets.whl", "no requirement"),
        ("nets @ file:///opt/nets", "no requirement"),
        ("--find-links ./wheels", "no requirement"),
        ("--trusted-host index.invalid", "no requirement"),
        ("--index-url https://index.invalid/${TOKEN}", "a variable"),
    ],
)
def test_these_do_not(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        checked_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://ada:s3cret@index.invalid/simple",
        "--extra-index-url=https://s3cret@index.invalid/simple",
        "git+https://s3cret@git.invalid/x.git",
        "nets @ https://files.invalid/nets.whl?token=s3cret",
        "git+ssh://git:s3cret@git.invalid/x.git",
    ],
)
def test_a_line_with_credentials_is_refused_without_telling_them(line: str) -> None:
    with pytest.raises(UsageError, match="credentials") as told:
        checked_line(line)
    assert "s3cret" not in str(told.value)


def test_names_are_compared_as_indexes_do() -> None:
    assert name_of("Scikit_Learn[x]>=1") == "scikit-learn"
    assert name_of("git+https://git.invalid/x") == ""
    assert name_of("--pre") == ""


def test_a_version_is_exact_unless_it_says_otherwise() -> None:
    assert pinned("torch", "2.4") == "torch==2.4"
    assert pinned("torch", ">=2,<3") == "torch>=2,<3"
    assert pinned("torch[x]", "") == "torch[x]"
    assert pinned("torch>=2", None) == "torch>=2"
    assert pinned("pytest", None) == f"pytest=={pytest.__version__}"
    for version in ("about 2", "two"):
        with pytest.raises(UsageError, match="no requirement"):
            pinned("torch", version)
    with pytest.raises(UsageError, match="in quotes"):
        pinned("torch", 2.1)  # type: ignore[arg-type]


RECORDED = Packages(requirements=("numpy==2.1", "six==1"), freeze=("numpy==2.1", "six==1", "tqdm==4"))


def packages_of(wish: Wish) -> Packages:
    return wish.fulfilled(TaskSpec(Entry("train.py"), packages=RECORDED)).packages


def test_of_two_lines_for_one_package_the_later_counts_unless_markers_part_them() -> None:
    wish = Wish(
        added=(
            "tqdm>=1",
            "Six",
            "TQDM>=2",
            "torch==1; python_version < '3.11'",
            "torch==2; python_version >= '3.11'",
        )
    )
    packages = packages_of(wish)
    assert packages.requirements == (
        "numpy==2.1", "Six", "TQDM>=2", "torch==1; python_version < '3.11'", "torch==2; python_version >= '3.11'",
    )  # fmt: skip
    assert packages.freeze == ("numpy==2.1",)


def test_what_holds_for_the_process_gives_way_to_what_is_asked_of_the_task() -> None:
    standing = Wish(added=("tqdm",), ignored=("six",))
    assert packages_of(Wish().over(standing)).requirements == ("numpy==2.1", "tqdm")
    assert packages_of(Wish(requirements=("click",)).over(standing)).requirements == ("click",)
    everything = Wish().over(Wish(whole_freeze=True, ignored=("six",)))
    assert packages_of(everything).requirements == ("numpy==2.1", "tqdm==4")


def test_a_marker_stands_behind_the_version() -> None:
    assert pinned("torch; sys_platform == 'linux'", "2.1") == "torch==2.1; sys_platform == 'linux'"


@pytest.mark.parametrize("decided", [Wish(origin="none"), Wish(origin="lock"), Wish(requirements=("six",))])
def test_what_a_task_asks_for_counts_over_what_the_process_does(decided: Wish) -> None:
    standing = Wish(whole_freeze=True, requirements=("numpy",))
    packages = (
        decided.over(standing)
        .fulfilled(TaskSpec(Entry("t.py"), packages=Packages(freeze=("a==1",))))
        .packages
    )
    assert (packages.origin, packages.requirements) == (
        decided.origin or "recorded",
        decided.requirements or (),
    )


def test_a_folder_of_this_machine_does_not_travel_in_a_file(tmp_path: Path) -> None:
    assert not are_plain(["six", "--find-links file:///home/me/wheels"])
