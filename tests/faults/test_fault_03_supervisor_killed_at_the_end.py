"""Fault 3: the supervisor dies between the end of the script and the commit of its outcome."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.proxy import FaultProxy
from faults.steady import Steady, box_folder, runs
from flow.world import World, eventually, witness_of


@pytest.mark.fault(3)
def test_an_exit_code_survives_the_supervisor_that_could_not_commit_it(
    world: World, far: World, proxy: FaultProxy, figure: Recorder
) -> None:
    """Seen failing with `AttemptState.read_outcome` answering None: the script ran again, and completed as attempt 2."""
    box = far.box()
    steady = Steady(world, code=7)
    pid = steady.begun()
    (supervisor,) = box.supervisors()
    proxy.black_hole()
    steady.open_gate()
    eventually(lambda: list(box_folder(far, box).glob("*/outcome.json")), 20, "the outcome to be on disk")
    supervisor.kill()
    supervisor.wait(10)
    proxy.restore()
    restored = time.monotonic()
    record = steady.ended("failed")
    figure(
        fault=3,
        promise="the script's exit code is committed, its log is whole, and it does not run again",
        measured="link restored after the kill → outcome in the store",
        seconds=time.monotonic() - restored,
    )
    assert (record.exit_code, record.attempt) == (7, 1)
    assert [told.pid for told in steady.told] == [pid, pid]
    steady.require_whole_log()


@pytest.mark.fault(3)
@pytest.mark.parametrize("code", [0, 7])
def test_an_exit_that_no_supervisor_saw_is_told_by_its_witness(
    world: World, figure: Recorder, code: int
) -> None:
    """Seen failing with `Testimony.exit_of` answering None: the script ran again, and ended as attempt 2."""
    box = world.box()
    steady = Steady(world, code=code)
    pid = steady.begun()
    (supervisor,) = box.supervisors()
    supervisor.suspend()
    steady.open_gate()
    eventually(lambda: not runs(pid), 20, "the script to end")
    supervisor.kill()
    died = time.monotonic()
    record = steady.ended("failed" if code else "completed")
    figure(
        fault=3,
        promise="the exit code of a script whose end its supervisor never saw is committed all the same",
        measured="kill of a supervisor that was stopped since before the end → outcome in the store",
        seconds=time.monotonic() - died,
    )
    assert (record.exit_code, record.attempt) == (code, 1)
    assert len([kind for kind, *_ in steady.events if kind == "ended"]) == 1
    steady.require_whole_log()


@pytest.mark.fault(3)
def test_an_exit_that_nobody_at_all_saw_runs_again_and_is_never_lost(world: World, figure: Recorder) -> None:
    """Seen failing with `queueing.reap` answering nothing: the task never ended."""
    box = world.box("--heartbeat", "0.5", "--lease", "3")
    steady = Steady(world)
    pid = steady.begun()
    (supervisor,) = box.supervisors()
    (witness,) = witness_of(supervisor)
    assert witness.pid != supervisor.pid
    supervisor.suspend()
    steady.open_gate()
    eventually(lambda: not runs(pid), 20, "the script to end")
    witness.kill()
    supervisor.kill()
    died = time.monotonic()
    record = steady.ended("completed")
    figure(
        fault=3,
        promise="a script whose end neither its supervisor nor its witness saw has ended once for the store",
        measured="kill of both → the task has ended, lease of 3 s",
        seconds=time.monotonic() - died,
    )
    assert len([kind for kind, *_ in steady.events if kind == "ended"]) == 1
    steady.require_whole_log(record.attempt)
