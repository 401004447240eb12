"""Workspaces and states of dead attempts: only what nobody will care for goes."""

from __future__ import annotations

import subprocess
import time

import pytest
from janitor.machine import HOUR, Machine, set_age

from agent.lock import locked
from agent.presence import Presence
from agent.state import AttemptState, ProcessMark

DAY = 24 * HOUR


def test_a_workspace_that_nobody_knows_of_goes_after_an_hour(machine: Machine) -> None:
    old, young = machine.workspace("a1-1", age=1.1 * HOUR), machine.workspace("a2-1", age=0.9 * HOUR)
    assert machine.sweep().workspaces == 1
    assert not old.exists()
    assert young.is_dir()


def test_the_workspace_of_a_living_attempt_stays_whatever_its_age(machine: Machine) -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        mark = ProcessMark.of(process.pid)
        assert mark is not None
        tree = machine.workspace("a1-1", age=30 * DAY)
        state = machine.state("gone", "a1-1", mark, age=30 * DAY)
        assert machine.sweep().removed == 0
        assert tree.is_dir()
        assert state.folder.is_dir()
    finally:
        process.kill()
        process.wait()
    assert machine.sweep().workspaces == 1


def test_an_id_that_was_given_again_is_another_process(machine: Machine) -> None:
    own = ProcessMark.own()
    machine.workspace("a1-1", age=DAY)
    machine.state("gone", "a1-1", ProcessMark(own.pid, own.started - 1))
    assert machine.sweep().workspaces == 1


def test_a_supervisor_on_another_machine_is_seen_by_its_lock(machine: Machine, dead: ProcessMark) -> None:
    tree = machine.workspace("a1-1", age=DAY)
    state = machine.state("other", "a1-1", dead, age=2 * DAY)
    supervisor = machine.holder(lambda: locked(state.hold))
    set_age(state.folder, 2 * DAY)
    set_age(state.hold, 2 * DAY)
    assert machine.sweep().removed == 0
    supervisor.kill()
    supervisor.join()
    swept = machine.sweep()
    assert (swept.workspaces, swept.attempts) == (1, 1)
    assert not tree.exists()


def test_what_a_living_daemon_will_care_for_is_left_to_it(machine: Machine, dead: ProcessMark) -> None:
    tree = machine.workspace("a1-1", age=DAY)
    state = machine.state("here", "a1-1", dead, age=2 * DAY)

    class Present:
        def __enter__(self) -> None:
            self.presence = Presence(machine.folders.agents, "here")

        def __exit__(self, *_: object) -> None: ...

    daemon = machine.holder(Present)
    assert machine.sweep().removed == 0
    assert tree.is_dir()
    daemon.kill()
    daemon.join()
    assert machine.sweep().removed == 2
    assert not state.folder.exists()


def test_a_state_that_says_nothing_keeps_its_workspace_as_long_as_it_is_there(machine: Machine) -> None:
    tree = machine.workspace("a1-1", age=DAY)
    state = AttemptState(machine.folders.agents / "gone" / "attempts" / "a1-1")
    state.folder.mkdir(parents=True)
    (state.folder / "attempt.json").write_text("{")
    assert machine.sweep().removed == 0
    assert tree.is_dir()
    for path in (state.folder / "attempt.json", state.folder):
        set_age(path, 2 * DAY)
    assert machine.sweep().removed == 2


def test_a_dead_state_in_which_something_moved_today_waits_for_its_daemon(
    machine: Machine, dead: ProcessMark
) -> None:
    state = machine.state("gone", "a1-1", dead, age=2 * DAY)
    state.journal.mkdir()
    (state.journal / "1").write_bytes(b"log")
    set_age(state.folder, 2 * DAY)
    assert machine.sweep().removed == 0
    for path in (state.journal / "1", state.journal, state.folder):
        set_age(path, 2 * DAY)
    assert machine.sweep().attempts == 1
    assert list((machine.folders.agents / "gone" / "attempts").iterdir()) == []


@pytest.mark.parametrize("name", ["notes", "my-data", ".hidden-1"])
def test_what_is_no_workspace_is_left_alone(machine: Machine, name: str) -> None:
    folder = machine.workspace(name, age=DAY)
    assert machine.sweep().removed == 0
    assert folder.is_dir()


def test_a_clock_that_jumped_back_makes_nothing_old(machine: Machine) -> None:
    tree = machine.workspace("a1-1", age=-HOUR)
    folder = machine.environment("some", idle=-HOUR)
    assert tree.stat().st_mtime > time.time()
    assert machine.sweep(max_environments=0).removed == 0
    assert folder.is_dir()
