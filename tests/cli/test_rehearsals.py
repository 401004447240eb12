"""`submit --dry-run` and `build`: rebuilt here, nothing sent, and what would differ is said."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.wheels import PackageIndex, make_wheel

from elsewhere.contract.spec import Image


@pytest.fixture
def repository(agent: Any) -> Path:
    """A repository with a script that imports a package, and that names a file which git ignores."""
    folder: Path = agent.folder
    (folder / "train.py").write_text("import toyone, sys\nprint(toyone.WORD, sys.argv[1:])\n")
    (folder / ".gitignore").write_text("data/\nmine.py\n")
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    """A package index that has a wheel of `toyone`."""
    make_wheel(tmp_path / "wheels", "toyone")
    served = PackageIndex(tmp_path / "wheels")
    yield served
    served.down()


@pytest.fixture
def desk(agent: Any, index: PackageIndex, tmp_path: Path) -> dict[str, str]:
    """Variables of a desk with `toyone` 1.0 installed, on a machine with that index."""
    packages = tmp_path / "venv" / "lib" / f"python3.{platform.python_version_tuple()[1]}" / "site-packages"
    info = packages / "toyone-1.0.dist-info"
    info.mkdir(parents=True)
    (packages / "toyone.py").write_text("WORD = 'at the desk'\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyone\nVersion: 1.0\n")
    (info / "RECORD").write_text("toyone.py,,\n")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"version = {platform.python_version()}\n")
    machine = {"ELSEWHERE_PACKAGES_INDEX_URL": index.url, "UV_CACHE_DIR": str(tmp_path / "uv")}
    return {"VIRTUAL_ENV": str(tmp_path / "venv"), **machine}


def rehearsed(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["exit_code"] == ended.returncode, ended.stderr
    assert told["would_run"] == (ended.returncode == 0)
    return told


def leftovers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "scratch").iterdir())


@pytest.fixture
def scratch(desk: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same, with a folder of its own for what is temporary."""
    (tmp_path / "scratch").mkdir()
    return {**desk, "TMPDIR": str(tmp_path / "scratch")}


def test_a_dry_run_says_that_it_would_run_and_leaves_nothing_behind(
    agent: Any, store: Any, repository: Path, scratch: dict[str, str], tmp_path: Path
) -> None:
    ended = agent("submit", "--dry-run", "train.py", "--C", "1", **scratch)
    assert ended.returncode == 0, ended.stderr
    assert "it would run" in ended.stdout
    assert "what differs" not in ended.stdout
    assert f"(asked for: {platform.python_version()})" in ended.stdout
    assert store.newest() == []
    assert leftovers(tmp_path) == []


def test_a_dry_run_needs_no_server(agent: Any, repository: Path, desk: dict[str, str]) -> None:
    ended = agent(
        "submit", "--dry-run", "--json", "train.py", **desk, ELSEWHERE_REDIS_URL="redis://127.0.0.1:1/0"
    )
    told = rehearsed(ended)
    assert told["would_run"]
    assert told["packages"] == ["toyone==1.0"]
    assert told["python"] == {"asked": platform.python_version(), "found": platform.python_version()}
    assert told["command"][1:] == ["train.py"]


def test_what_does_not_travel_is_told(agent: Any, repository: Path, desk: dict[str, str]) -> None:
    (repository / "data").mkdir()
    (repository / "data" / "x.csv").write_text("1\n")
    ended = agent("submit", "--dry-run", "train.py", "data/x.csv", **desk)
    assert ended.returncode == 0
    assert "data/x.csv, which an argument names, is here and does not travel" in ended.stdout
    (repository / "mine.py").write_text("")
    (repository / "train.py").write_text("import mine\n")
    ended = agent("submit", "--dry-run", "train.py", **desk)
    assert ended.returncode == 8
    assert "it would not run" in ended.stdout
    assert "mine.py is imported, and does not travel" in ended.stdout


def test_a_package_that_no_index_has_is_a_reason(
    agent: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    next((tmp_path / "wheels").iterdir()).unlink()
    told = rehearsed(agent("submit", "--dry-run", "--json", "train.py", **desk))
    assert told["exit_code"] == 10
    (reason,) = (finding for finding in told["findings"] if finding["prevents"])
    assert "toyone" in reason["what"]


def test_a_python_that_is_not_here_is_a_reason(
    agent: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.97.1\n")
    ended = agent("submit", "--dry-run", "train.py", **desk)
    assert ended.returncode == 10
    assert "Python 3.97 is not on this machine" in ended.stdout
    assert platform.python_version() in ended.stdout


def test_another_patch_of_python_differs_and_prevents_nothing(
    agent: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    minor = platform.python_version().rpartition(".")[0]
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"version = {minor}.99\n")
    ended = agent("submit", "--dry-run", "train.py", **desk)
    assert ended.returncode == 0, ended.stdout
    assert f"Python {platform.python_version()} instead of {minor}.99" in ended.stdout


def submitted(agent: Any, *words: str, **variables: str) -> str:
    ended = agent("submit", "--json", *words, **variables)
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["id"])


def test_a_stored_task_is_rebuilt_to_be_tried_by_hand(
    agent: Any, store: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    task_id = submitted(agent, "train.py", "a b", **desk)
    before = store.get(task_id), store.events(task_id)
    told = rehearsed(agent("build", task_id[:12], "--target", str(tmp_path / "here"), "--json", **desk))
    assert told["tree"] == str(tmp_path / "here")
    by_hand = subprocess.run(
        told["command"], cwd=told["working_directory"], capture_output=True, text=True, check=False
    )
    assert by_hand.stdout == "installed ['a b']\n"
    assert (store.get(task_id), store.events(task_id)) == before
    shown = agent("build", task_id, "--target", str(tmp_path / "there"), **desk).stdout
    assert f"cd {tmp_path / 'there'}" in shown
    assert f"{told['interpreter']} train.py 'a b'" in shown


def test_without_a_target_nothing_stays(
    agent: Any, store: Any, repository: Path, scratch: dict[str, str], tmp_path: Path
) -> None:
    task_id = submitted(agent, "train.py", **scratch)
    ended = agent("build", task_id, **scratch)
    assert ended.returncode == 0, ended.stderr
    assert leftovers(tmp_path) == []


def test_a_target_that_holds_something_is_never_removed(
    agent: Any, store: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    task_id = submitted(agent, "train.py", **desk)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in (kept, kept / "mine", tmp_path / "link"):
        ended = agent("build", task_id, "--target", str(target))
        assert ended.returncode == 2
        assert "not empty" in ended.stderr
    assert (kept / "mine").exists()


def test_a_task_that_cannot_be_rebuilt_says_why_with_the_code_of_its_step(
    agent: Any, store: Any, repository: Path, desk: dict[str, str], tmp_path: Path
) -> None:
    told = rehearsed(
        agent("submit", "--dry-run", "--json", "--packages", "existing:/no/such", "train.py", **desk)
    )
    assert told["exit_code"] == 10
    task_id = submitted(agent, "--docker", "python:3.12", "train.py", **desk)
    assert store.get(task_id).spec.image == Image("python:3.12")
    ended = agent("build", task_id, **desk)
    assert ended.returncode == 0
    assert "it runs in python:3.12" in ended.stdout
    assert agent("build", "0123").returncode == 4
