"""A round that is killed, two at once, a full disk, and what a janitor is told."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from janitor.machine import FORK, HOUR, MIB, Machine

from agent.environment import Environments
from agent.janitor import JanitorConfig, configured, sweep
from agent.janitor import trash as trash_module
from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.spec import Packages
from elsewhere.settings import find_folders


def sweep_and_stick(machine: Machine, at_deletion: Any) -> None:
    """A janitor that gets as far as its first deletion."""

    def stick(_: Path) -> None:
        at_deletion.set()
        signal.pause()

    trash_module.remove_tree = stick  # type: ignore[assignment]
    machine.sweep(max_environments=0)


def stuck_janitor(machine: Machine) -> Any:
    at_deletion = FORK.Event()
    janitor = machine.other(sweep_and_stick, machine, at_deletion)
    assert at_deletion.wait(20)
    return janitor


def test_what_a_killed_janitor_left_is_finished_by_the_next(machine: Machine) -> None:
    folders = [machine.environment("one"), machine.environment("two", idle=2 * HOUR)]
    janitor = stuck_janitor(machine)
    janitor.kill()
    janitor.join()
    # One is gone as a whole, the other was not touched; none is halfway.
    assert [folder.exists() for folder in folders] == [True, False]
    assert (folders[0] / ".elsewhere-ready").exists()
    assert len(list(machine.folders.environments.glob(".trash-*"))) == 1
    assert machine.sweep().removed == 0
    assert list(machine.folders.environments.glob(".trash-*")) == []
    assert folders[0].is_dir()


def test_an_environment_can_be_built_while_its_old_self_is_deleted(machine: Machine) -> None:
    environments = Environments(machine.folders.environments)
    built = environments.prepare(Packages(), note=lambda _: None)
    os.utime(built.folder / ".elsewhere-ready", (1, 1))
    stuck_janitor(machine)
    assert not environments.prepare(Packages(), note=lambda _: None).reused


def test_of_two_janitors_one_goes_round(machine: Machine) -> None:
    machine.environment("one")
    stuck_janitor(machine)
    swept = machine.sweep(max_environments=0)
    assert swept.busy
    assert swept.removed == 0


def test_what_cannot_be_removed_is_told_and_stops_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.environment("stubborn", idle=2 * HOUR)
    machine.environment("other")
    remove = trash_module.remove_tree

    def refuse_once(folder: Path) -> None:
        monkeypatch.setattr(trash_module, "remove_tree", remove)
        raise PermissionError(13, "Permission denied", str(folder / "bin"))

    monkeypatch.setattr(trash_module, "remove_tree", refuse_once)
    swept = machine.sweep(max_environments=0)
    assert swept.environments == 2
    assert len(swept.failed) == 1
    assert swept.failed[0].endswith("bin: Permission denied")
    assert machine.sweep().failed == ()
    assert list(machine.folders.environments.glob(".trash-*")) == []


# --- free space --------------------------------------------------------------------------


def test_a_disk_that_runs_full_loses_the_least_recently_used(machine: Machine, small_disk: Path) -> None:
    machine.root = small_disk
    folders = [machine.environment(f"{hours}", idle=hours * HOUR, size=3 * MIB) for hours in (1, 2, 3, 4)]
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    swept = machine.sweep(min_free_bytes=free + 5 * MIB)
    assert swept.environments == 2
    assert swept.missing_bytes == 0
    assert 6 * MIB <= swept.freed_bytes < 7 * MIB
    assert [folder.exists() for folder in folders] == [True, True, False, False]


def test_not_one_byte_free_is_no_obstacle(machine: Machine, small_disk: Path) -> None:
    machine.root = small_disk
    folder = machine.environment("old", size=3 * MIB)
    (folder.parent / f"{folder.name}.lock").touch()
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(20 * MIB))
    assert os.statvfs(small_disk).f_bavail == 0
    swept = machine.sweep(min_free_bytes=2 * MIB)
    assert swept.environments == 1
    assert not folder.exists()


def test_not_one_more_name_is_no_obstacle(machine: Machine, small_disk: Path) -> None:
    machine.root = small_disk
    folder = machine.environment("old", size=3 * MIB)
    (folder.parent / f"{folder.name}.lock").touch()
    disk = os.statvfs(small_disk)
    names = f"remount,nr_inodes={disk.f_files - disk.f_ffree}"
    subprocess.run(["mount", "-o", names, str(small_disk)], check=True)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "one more").touch()
    assert machine.sweep(max_environments=0).environments == 1


def test_a_full_disk_takes_nothing_in_use(machine: Machine, small_disk: Path) -> None:
    machine.root = small_disk
    environments = Environments(machine.folders.environments)
    built = environments.prepare(Packages(), note=lambda _: None)
    (built.folder / "weights").write_bytes(bytes(3 * MIB))
    machine.holder(lambda: environments.held(Packages(), note=lambda _: None))
    os.utime(built.folder / ".elsewhere-ready", (1, 1))
    swept = machine.sweep(min_free_bytes=20 * MIB)
    assert swept.removed == 0
    assert swept.missing_bytes > 0
    assert built.python.exists()


def test_what_frees_nothing_is_not_taken_for_it(machine: Machine, small_disk: Path) -> None:
    """An environment is hard links into the installer's cache: its removal frees next to nothing."""
    machine.root = small_disk
    folder = machine.environment("linked", size=3 * MIB)
    (small_disk / "installer-cache").hardlink_to(folder / "library")
    swept = machine.sweep(min_free_bytes=20 * MIB)
    assert swept.removed == 0
    assert folder.is_dir()
    assert machine.sweep(max_environments=0).freed_bytes < MIB


# --- configuration -----------------------------------------------------------------------


def test_limits_come_from_the_environment_before_the_file(
    elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = find_folders()
    assert configured(folders) == JanitorConfig(50, 100, 2 * 1024**3)
    folders.config.mkdir(parents=True)
    folders.config_file.write_text("max_environments = 7\nmin_free_bytes = 5\n")
    monkeypatch.setenv("ELSEWHERE_MAX_ENVIRONMENTS", "3")
    monkeypatch.setenv("ELSEWHERE_MAX_REPOSITORIES", "0")
    assert configured(folders) == JanitorConfig(3, 0, 5)


def test_a_limit_that_is_no_number_is_named(elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE_MAX_REPOSITORIES", "many")
    with pytest.raises(
        ConfigurationError, match="ELSEWHERE_MAX_REPOSITORIES must be a whole number, not 'many'"
    ):
        configured(find_folders())


def test_a_janitor_waits_for_another_when_it_is_told_to(machine: Machine) -> None:
    machine.environment("one")
    machine.environment("two", idle=2 * HOUR)
    janitor = stuck_janitor(machine)
    answers = FORK.SimpleQueue()
    config = JanitorConfig(max_environments=0, min_free_bytes=0)
    machine.other(lambda: answers.put(sweep(machine.folders, config, wait=True)))
    janitor.kill()
    swept = answers.get()
    assert not swept.busy
    assert swept.environments == 1
