"""Environments and repositories: the least recently used go, and never one in use."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from janitor.machine import FORK, HOUR, Machine, set_age

from agent import workspace
from agent.environment import Environments, lock_of
from agent.workspace.repository import Repository
from elsewhere.contract.spec import Packages, Source

sweep_module = sys.modules["agent.janitor.sweep"]

NOBODYS = {"max_environments": 0, "max_repositories": 0, "idle_seconds": 0}
"""A janitor that removes whatever it may."""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *arguments]
    return subprocess.check_output(command, cwd=folder, text=True).strip()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """One commit in a real repository."""
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "train.py").write_text("print(1)\n")
    git(origin, "init", "-q")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "first")
    return Source(repository=f"file://{origin}", commit=git(origin, "rev-parse", "HEAD"))


def rebuild(machine: Machine, source: Source, name: str) -> Path:
    tree = machine.folders.workspaces / name
    workspace.rebuild(
        source, tree, repositories=machine.folders.repositories, fetch=lambda _: b"", note=lambda _: None
    )
    return tree


def age_repositories(machine: Machine) -> None:
    for path in machine.folders.repositories.glob("*.use"):
        set_age(path, HOUR)


# --- counts ------------------------------------------------------------------------------


def test_the_least_recently_used_environments_go_first(machine: Machine) -> None:
    kept = machine.environment("new", idle=HOUR)
    gone = [machine.environment("oldest", idle=3 * HOUR), machine.environment("old", idle=2 * HOUR)]
    swept = machine.sweep(max_environments=1)
    assert swept.environments == swept.removed == 2
    assert kept.is_dir()
    assert not any(folder.exists() for folder in gone)


def test_within_the_limits_nothing_goes(machine: Machine) -> None:
    folder = machine.environment("only", idle=1000 * HOUR)
    assert machine.sweep(max_environments=1).removed == 0
    assert folder.is_dir()


def test_what_was_used_lately_stays_over_the_limit(machine: Machine) -> None:
    lately = [machine.environment(f"lately {number}", idle=60 * number) for number in range(3)]
    assert machine.sweep(max_environments=0).removed == 0
    assert all(folder.is_dir() for folder in lately)


def test_what_is_no_environment_is_left_alone(machine: Machine) -> None:
    folders = machine.folders.environments
    machine.environment("some")
    strangers = [
        folders / "locks" / "key.txt",
        folders / "interpreters" / "answer.json",
        folders / "notes" / "mine",
    ]
    for path in strangers:
        path.parent.mkdir()
        path.write_text("keep me")
    target = machine.root / "elsewhere"
    target.mkdir()
    (folders / ("a" * 32)).symlink_to(target)
    machine.sweep(**NOBODYS)
    assert all(path.is_file() for path in strangers)
    assert target.is_dir()
    assert (folders / ("a" * 32)).is_symlink()


def test_nothing_there_is_nothing_to_do(machine: Machine) -> None:
    swept = machine.sweep()
    assert swept.removed == 0
    assert swept.failed == ()


# --- in use ------------------------------------------------------------------------------


def test_an_environment_in_use_stays_until_the_kernel_says_that_its_user_is_dead(machine: Machine) -> None:
    environments = Environments(machine.folders.environments)
    built = environments.prepare(Packages(), note=lambda _: None)
    user = machine.holder(lambda: environments.held(Packages(), note=lambda _: None))
    set_age(built.folder / ".elsewhere-ready", HOUR)
    assert machine.sweep(**NOBODYS).environments == 0
    assert built.python.exists()
    user.kill()
    user.join()
    assert machine.sweep(**NOBODYS).environments == 1
    assert not built.folder.exists()


def test_an_environment_that_is_used_for_long_was_used_until_its_end(machine: Machine) -> None:
    with Environments(machine.folders.environments).held(Packages(), note=lambda _: None) as environment:
        set_age(environment.folder / ".elsewhere-ready", HOUR)
    assert machine.sweep(max_environments=0, max_repositories=0).removed == 0
    assert environment.python.exists()


def test_an_environment_that_goes_before_it_can_be_held_is_built_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = Environments(machine.folders.environments)
    prepare = Environments.prepare
    notes: list[str] = []
    sweeps = iter([1, 0])

    def prepare_and_lose(self: Environments, packages: Packages, **options: Any) -> Any:
        prepared = prepare(self, packages, **options)
        if next(sweeps):
            assert machine.sweep(**NOBODYS).environments == 1
        return prepared

    monkeypatch.setattr(Environments, "prepare", prepare_and_lose)
    with environments.held(Packages(), note=notes.append) as environment:
        assert subprocess.run([environment.python, "-c", ""]).returncode == 0
    assert any("removed meanwhile" in note for note in notes)


def test_what_is_used_while_the_janitor_makes_its_list_stays(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = machine.environment("first", idle=2 * HOUR), machine.environment("second")
    delete = sweep_module.delete

    def delete_slowly(trash: Path) -> int:
        set_age(second / ".elsewhere-ready", 0)
        return delete(trash)

    monkeypatch.setattr(sweep_module, "delete", delete_slowly)
    assert machine.sweep(max_environments=0).environments == 1
    assert not first.exists()
    assert second.is_dir()


def test_what_somebody_builds_stays_and_what_a_killed_build_left_goes(machine: Machine) -> None:
    folder = machine.environment("half")
    (folder / ".elsewhere-ready").unlink()

    @contextmanager
    def building() -> Iterator[None]:
        with lock_of(folder).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    builder = machine.holder(building)
    assert machine.sweep().environments == 0
    assert folder.is_dir()
    builder.kill()
    builder.join()
    assert machine.sweep().environments == 1
    assert not folder.exists()


def test_a_repository_stays_as_long_as_a_workspace_borrows_from_it(machine: Machine, source: Source) -> None:
    tree = rebuild(machine, source, "task-1")
    repository = Repository.of(source, machine.folders.repositories).folder
    age_repositories(machine)
    assert machine.sweep(**NOBODYS).repositories == 0
    assert git(tree, "log", "--format=%s") == "first"
    workspace.remove(tree, machine.folders.repositories)
    assert machine.sweep(**NOBODYS).repositories == 1
    assert not repository.exists()
    assert git(rebuild(machine, source, "task-2"), "log", "--format=%s") == "first"


def test_a_repository_stays_while_somebody_checks_out_of_it(machine: Machine, source: Source) -> None:
    workspace.remove(rebuild(machine, source, "task-1"), machine.folders.repositories)
    repository = Repository.of(source, machine.folders.repositories)
    user = machine.holder(repository.hold)
    age_repositories(machine)
    assert machine.sweep(**NOBODYS).repositories == 0
    user.kill()
    user.join()
    assert machine.sweep(**NOBODYS).repositories == 1


def test_a_script_cannot_stop_the_janitor_with_a_pipe(machine: Machine, source: Source) -> None:
    tree = rebuild(machine, source, "task-1")
    alternates = tree / ".git" / "objects" / "info" / "alternates"
    alternates.unlink()
    os.mkfifo(alternates)
    age_repositories(machine)
    assert machine.sweep(**NOBODYS).repositories == 1


def test_the_least_recently_used_repositories_go_first(machine: Machine, source: Source) -> None:
    for number, hours in ((1, 2), (2, 9), (3, 1)):
        other = Source(repository=f"{source.repository}/../origin{'/.' * number}", commit=source.commit)
        workspace.remove(rebuild(machine, other, f"task-{number}"), machine.folders.repositories)
        set_age(Repository.of(other, machine.folders.repositories).use_lock, hours * HOUR)
        if number == 2:
            oldest = Repository.of(other, machine.folders.repositories).folder
    swept = machine.sweep(max_repositories=2)
    assert swept.repositories == 1
    assert swept.freed_bytes > 0
    assert not oldest.exists()


# --- at the same time --------------------------------------------------------------------


def sweep_again_and_again(machine: Machine, stop: Any, removed: Any) -> None:
    while not stop.is_set():
        swept = machine.sweep(**NOBODYS)
        assert swept.failed == ()
        with removed.get_lock():
            removed.value += swept.removed


def use_environments(machine: Machine, used: Any) -> None:
    environments = Environments(machine.folders.environments)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        with environments.held(Packages(), note=lambda _: None) as environment:
            for _ in range(5):
                assert (environment.folder / "bin" / "python").exists()
                assert (environment.folder / "pyvenv.cfg").exists()
                time.sleep(0.001)
        used.release()


def use_repositories(machine: Machine, source: Source, used: Any, number: int) -> None:
    until = time.monotonic() + 3
    while time.monotonic() < until:
        tree = rebuild(machine, source, f"task-{number}")
        assert git(tree, "status", "--short") == ""
        assert git(tree, "log", "--format=%s") == "first"
        workspace.remove(tree, machine.folders.repositories)
        used.release()


def test_two_janitors_take_nothing_from_those_who_build_and_use(machine: Machine, source: Source) -> None:
    stop, used, removed = FORK.Event(), FORK.Semaphore(0), FORK.Value("i", 0)
    janitors = [machine.other(sweep_again_and_again, machine, stop, removed) for _ in range(2)]
    users = [machine.other(use_environments, machine, used) for _ in range(2)]
    users += [machine.other(use_repositories, machine, source, used, number) for number in range(2)]
    for user in users:
        user.join(60)
    stop.set()
    for janitor in janitors:
        janitor.join(60)
    assert [process.exitcode for process in (*users, *janitors)] == [0] * 6
    assert used.acquire(timeout=0)
    assert removed.value > 0
