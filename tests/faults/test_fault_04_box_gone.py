"""Fault 4: a whole box is gone, with everything that ran on it."""

from __future__ import annotations

import time

import psutil
import pytest
from faults.conftest import Recorder
from faults.steady import Steady, everything_of
from flow.world import World, eventually


@pytest.mark.fault(4)
def test_a_box_that_is_gone_hands_its_task_over_within_thirty_seconds(world: World, figure: Recorder) -> None:
    """Seen failing with `queueing.reap` answering nothing: nobody took the task over."""
    first = world.box()
    steady = Steady(world)
    steady.begun()
    second = world.box()
    gone = everything_of(first)
    for process in gone:
        process.suspend()  # so that none sees another one die, as none does when the power fails
    for process in gone:
        process.kill()
    first.process.wait(10)
    psutil.wait_procs(gone, 10)
    died = time.monotonic()
    eventually(lambda: steady.record.agent == second.name, 60, "another agent to own it")
    took = time.monotonic() - died
    figure(
        fault=4,
        promise="another agent owns the task within 30 s, with the default heartbeat and lease",
        measured="kill of the daemon, the supervisor and the script → claim by another agent",
        seconds=took,
    )
    assert took < 30
    steady.open_gate()
    record = steady.ended("completed")
    assert (record.attempt, record.agent) == (2, second.name)
    steady.require_whole_log(2)
