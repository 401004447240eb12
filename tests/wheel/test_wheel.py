"""The wheel drops one name at the top level, so that no user's repository is hurt by ours.

Two toy repositories prove it, both with an `agent/` and a `queueing/` of their own: their
scripts get theirs, and our command still works inside them, even with PYTHONPATH set.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("elsewhere", "agent", "queueing", "executors")
HOUSED = ("agent", "queueing", "executors")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without the network."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment that holds the wheel and what a desk needs, no extras."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(environment)], check=True)
    programs = environment / "bin"
    install = [*uv, "pip", "install", "-q", "--python", str(programs / "python"), str(wheel)]
    # The cache of this environment's own installation has everything, as a rule.
    offline = subprocess.run([*install, "--offline"], capture_output=True)
    if offline.returncode != 0:
        subprocess.run(install, check=True)
    return programs


@pytest.fixture(params=["packages", "plain folders"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A user's repository with folders named like ours, as packages or without __init__.py."""
    folder = tmp_path / "their repository"
    for name in HOUSED:
        (folder / name).mkdir(parents=True)
        (folder / name / "theirs.py").write_text("WHOSE = 'theirs'\n")
        if request.param == "packages":
            (folder / name / "__init__.py").write_text("")
    (folder / "script.py").write_text(
        "import agent.theirs, queueing.theirs, executors.theirs\n"
        "from elsewhere import Task\n"
        "print(agent.theirs.WHOSE, queueing.theirs.WHOSE, executors.theirs.WHOSE, Task.__module__)\n"
    )
    return folder


@pytest.fixture
def run(installed: Path, repository: Path, tmp_path: Path) -> Run:
    """Runs a program of the fresh environment inside the user's repository."""

    def run(program: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "ELSEWHERE_HOME": str(tmp_path / "home"), **more}
        return subprocess.run(
            [str(installed / program), *words],
            cwd=repository,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_one_name_at_the_top_level(wheel: Path) -> None:
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"elsewhere"}


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.is_dir() or "__pycache__" in file.parts:
                continue
            name = file.relative_to(ROOT).as_posix()
            assert (f"elsewhere/_house/{name}" if package in HOUSED else name) in held
    assert any(name.endswith(".lua") for name in held)
    assert {"elsewhere/py.typed", "elsewhere/startup/sitecustomize.py"} <= held


def test_their_script_gets_their_packages(run: Run) -> None:
    ended = run("python", "script.py")
    assert ended.stdout.split() == ["theirs", "theirs", "theirs", "elsewhere.task"], ended.stderr


def test_our_command_works_in_their_repository(run: Run, repository: Path) -> None:
    for path in ("", str(repository), "."):
        ended = run("agent", "--help", PYTHONPATH=path)
        assert ended.returncode == 0, ended.stderr
        assert "submit" in ended.stdout
        as_module = run("python", "-m", "elsewhere._enter", "--help", PYTHONPATH=path)
        assert as_module.stdout == ended.stdout, as_module.stderr


def test_our_command_works_after_their_packages_were_imported(run: Run, repository: Path) -> None:
    hook = "import agent.theirs, queueing.theirs\n"
    (repository / "sitecustomize.py").write_text(hook)
    ended = run("agent", "--help", PYTHONPATH=str(repository))
    assert ended.returncode == 0, ended.stderr


def test_a_command_reaches_a_real_server_from_their_repository(
    run: Run, repository: Path, valkey_url: str
) -> None:
    where = {"PYTHONPATH": str(repository), "ELSEWHERE_REDIS_URL": valkey_url}
    assert run("agent", "list", "--json", **where).stdout == "[]\n"
    assert run("agent", "queue", "pause", "night", **where).returncode == 0


def test_what_an_extra_brings_is_named_where_it_is_missing(run: Run, valkey_url: str) -> None:
    ended = run("agent", "daemon", ELSEWHERE_REDIS_URL=valkey_url)
    assert ended.returncode == 14, ended.stderr
    assert "pip install 'elsewhere[agent]'" in ended.stderr
    ended = run("agent", "list")
    assert ended.returncode == 14, ended.stderr
    assert "elsewhere[embedded]" in ended.stderr
    assert "ELSEWHERE_REDIS_URL" in ended.stderr
