"""What a script asks for over what was captured: it reaches the task from a desk, and nothing in an attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, Image, Packages, TaskSpec
from elsewhere.store.redis import RedisStore
from elsewhere.wish import Wish, checked_image, checked_packages
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
