"""The janitor in its place: called by a real daemon, and by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from flow.world import World, eventually
from janitor.machine import HOUR, Machine, set_age


@pytest.fixture
def world(valkey_url: str, machine: Machine, tmp_path: Path) -> Iterator[World]:
    world = World(valkey_url, machine.root, tmp_path)
    yield world
    world.close()


def test_a_daemon_that_starts_makes_room(world: World, machine: Machine) -> None:
    tree = machine.workspace("a1-1")
    box = world.box()
    eventually(lambda: not tree.exists(), 30, "the leftover to go")
    eventually(lambda: "made room" in box.log.read_text(), 30, "the daemon's log to say so")
    assert box.drain() == 0


def test_the_environment_of_a_running_script_outlives_its_daemon(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = world.repository(train__py="import time\nprint('running', flush=True)\ntime.sleep(600)\n")
    box = world.box()
    task = world.submit(repository, "train.py")
    world.wait_for(task, "in_progress")
    eventually(lambda: "running" in world.log(task), 60, "the script to run")
    [ready] = machine.folders.environments.glob("*/.elsewhere-ready")
    [use] = machine.folders.repositories.glob("*.use")
    for path in (ready, use):
        set_age(path, HOUR)
    box.kill()
    assert machine.sweep(max_environments=0, max_repositories=0, workspace_seconds=0).removed == 0
    assert ready.exists()
    [supervisor] = box.supervisors()
    supervisor.kill()
    psutil.wait_procs([supervisor], 10)
    swept = machine.sweep(max_environments=0, idle_seconds=0)
    assert swept.environments == 1


def test_agent_clean_says_what_it_freed(world: World, machine: Machine) -> None:
    machine.workspace("a1-1")
    machine.environment("some")
    machine.environment("other", idle=2 * HOUR)
    world.agent("clean")
    machine.workspace("a2-1")
    said = world.agent("clean").stdout
    assert said.startswith("removed 1 workspace; ")
    assert said.endswith(" freed\n")
    assert world.agent("clean").stdout == "removed nothing; 0 bytes freed\n"
    freed = json.loads(world.agent("clean", "--json").stdout)
    assert freed["environments"] == freed["freed_bytes"] == 0
    assert freed["failed"] == []


def test_agent_clean_follows_the_limits(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.environment("old")
    machine.folders.config.mkdir(parents=True)
    machine.folders.config_file.write_text("max_environments = 0\nmin_free_bytes = 0\n")
    assert json.loads(world.agent("clean", "--json").stdout)["environments"] == 1
    machine.folders.config_file.write_text("max_environments = -1\n")
    refused = world.agent("clean", check=False)
    assert refused.returncode == 2
    assert "max_environments must be a whole number, not -1" in refused.stderr
