"""The interpreter for a task: what fits by which policy, and what the error says where none does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.environment import interpreter
from elsewhere.contract.errors import BuildError, PythonNotFound

StandIn = Callable[[int, int], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an owner keeps interpreters."""
    return tmp_path / "pythons"


@pytest.fixture
def stand_in(folder: Path) -> StandIn:
    """Puts another version there: our own interpreter, whose answer says another version and place."""
    real, version = interpreter.own().executable, sys.version_info

    def make(minor: int, micro: int) -> Path:
        root = folder / f"3.{minor}.{micro}"
        program = root / "bin" / f"python3.{minor}"
        program.parent.mkdir(parents=True)
        answer = (
            f's#"minor": {version.minor}#"minor": {minor}#; s#"micro": {version.micro}#"micro": {micro}#; '
        )
        answer += f"s#{real}#{program}#g; s#{real.parent.parent}#{root}#g"
        program.write_text(f"#!/bin/sh\n'{real}' \"$@\" | sed '{answer}'\n")
        program.chmod(0o755)
        return program

    return make


def find(folder: Path, version: str, policy: str = "minor") -> tuple[interpreter.Interpreter, list[str]]:
    notes: list[str] = []
    cache = folder.parent / "cache"
    return interpreter.find(version, (folder,), cache, policy, note=notes.append), notes  # type: ignore[arg-type]


def test_by_minor_the_patch_does_not_matter_and_by_exact_it_does(folder: Path, stand_in: StandIn) -> None:
    stand_in(98, 1)
    wanted = stand_in(98, 2)
    assert find(folder, "3.98.7")[0].minor == "3.98"
    assert find(folder, "3.98.2", "exact")[0].executable == wanted
    assert find(folder, "3.98", "exact")[0].minor == "3.98"
    with pytest.raises(PythonNotFound, match=r"Python 3\.98\.7 is not on this machine"):
        find(folder, "3.98.7", "exact")


def test_the_agents_own_serves_only_who_asks_for_its_patch_by_exact(folder: Path) -> None:
    own = interpreter.own()
    assert find(folder, own.version, "exact")[0] == own
    assert find(folder, f"{own.version}+", "exact")[0] == own
    with pytest.raises(PythonNotFound):
        find(folder, f"{own.minor}.99", "exact")


def test_by_any_the_nearest_minor_stands_in_and_the_log_says_so(folder: Path, stand_in: StandIn) -> None:
    stand_in(95, 9)
    older, newer = stand_in(97, 9), stand_in(97, 10)
    found, notes = find(folder, "3.98.2", "any")
    assert found.executable == newer
    assert notes == [f"Python 3.98 is not on this machine: taking 3.97.10 at {newer}"]
    assert older != newer


def test_of_two_as_near_the_newer_stands_in(folder: Path, stand_in: StandIn) -> None:
    stand_in(97, 1)
    newer = stand_in(99, 1)
    assert find(folder, "3.98.2", "any")[0].executable == newer


def test_by_any_the_version_itself_comes_first(folder: Path, stand_in: StandIn) -> None:
    stand_in(97, 1)
    same = stand_in(98, 1)
    found, notes = find(folder, "3.98.2", "any")
    assert (found.executable, notes) == (same, [])


def test_another_major_version_is_no_stand_in(folder: Path) -> None:
    with pytest.raises(PythonNotFound):
        find(folder, "4.0.1", "any")


def test_the_error_says_what_is_there_and_what_would_help(folder: Path, stand_in: StandIn) -> None:
    program = stand_in(97, 3)
    with pytest.raises(PythonNotFound) as caught:
        find(folder, "3.98.2")
    assert f"3.97.3 at {program}" in caught.value.what
    assert interpreter.own().version in caught.value.what
    assert 'python_policy = "any"' in caught.value.next_step
    assert "ELSEWHERE_PYTHONS" in caught.value.next_step


def test_a_broken_interpreter_hides_no_other(folder: Path, stand_in: StandIn) -> None:
    wanted = stand_in(98, 1)
    broken = folder / "3.98.5" / "bin" / "python3.98"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert find(folder, "3.98.2")[0].executable == wanted


def test_interpreters_of_a_version_manager_are_found(
    folder: Path, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(98, 1)
    folder.rename(tmp_path / "versions")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    moved = tmp_path / "versions" / program.relative_to(folder)
    moved.write_text(moved.read_text().replace(str(folder), str(tmp_path / "versions")))
    assert find(folder, "3.98.2")[0].executable == moved


def test_what_is_no_version_is_refused(folder: Path) -> None:
    with pytest.raises(BuildError, match="no Python version"):
        find(folder, "three")
