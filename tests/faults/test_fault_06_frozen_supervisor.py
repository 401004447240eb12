"""Fault 6: a supervisor is stopped (SIGSTOP) for longer than its lease, and goes on (SIGCONT)."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.steady import Steady, runs
from flow.world import World, eventually

FAST = ("--heartbeat", "0.5", "--lease", "3")


@pytest.mark.fault(6)
def test_a_thawed_supervisor_completes_nothing_that_another_attempt_has_completed(
    world: World, figure: Recorder
) -> None:
    """Seen failing with `refusal` of fence.lua answering nil: the task, already completed, was ended again."""
    first = world.box(*FAST)
    steady = Steady(world, code=9)
    pid = steady.begun()
    (supervisor,) = first.supervisors()
    supervisor.suspend()
    try:
        second = world.box(*FAST)
        first.kill()  # else it would take the task itself
        steady.begun(2)
        steady.open_gate()
        ended = steady.ended("completed")
        eventually(lambda: not runs(pid), 20, "the first attempt's script to end by itself")
    finally:
        supervisor.resume()
    thawed = time.monotonic()
    eventually(lambda: not first.supervisors(), 20, "the thawed supervisor to leave")
    figure(
        fault=6,
        promise="a thawed supervisor's outcome is refused: the task has ended once, by its owner",
        measured="SIGCONT → the stale supervisor has left, lease of 3 s",
        seconds=time.monotonic() - thawed,
    )
    assert (ended.attempt, ended.agent, ended.exit_code) == (2, second.name, 0)
    # Its script did run to its end beside the owner's; that its end counts nowhere is the promise.
    assert steady.record == ended
    assert [attempt for kind, attempt, _ in steady.events if kind == "ended"] == [2]
    steady.require_whole_log(2)


@pytest.mark.fault(6)
def test_a_thawed_supervisor_ends_its_script_once_it_hears_of_the_next_attempt(
    world: World, figure: Recorder
) -> None:
    """Seen failing with `Stop.ask` passing over Lost: the first attempt's script ran on beside the second."""
    first = world.box(*FAST)
    steady = Steady(world, stubborn=True)
    pid = steady.begun()
    (supervisor,) = first.supervisors()
    supervisor.suspend()
    try:
        world.box(*FAST)
        first.kill()
        steady.begun(2)
    finally:
        supervisor.resume()
    thawed = time.monotonic()
    eventually(lambda: not runs(pid), 20, "the stale script to be ended")
    figure(
        fault=6,
        promise="a thawed supervisor ends its script as soon as it hears of the next attempt",
        measured="SIGCONT → the stale script, which ignores SIGTERM, is gone, lease of 3 s",
        seconds=time.monotonic() - thawed,
    )
    steady.open_gate()
    assert steady.ended("completed").attempt == 2
    assert [told.attempt for told in steady.told if told.word == "end"] == [2]
