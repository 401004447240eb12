"""Fault 1: the daemon is killed, again and again, while a task runs."""

from __future__ import annotations

import os
import time

import pytest
from faults.conftest import Recorder
from faults.steady import Steady
from flow.world import World, eventually


@pytest.mark.fault(1)
def test_a_daemon_killed_ten_times_keeps_one_process_and_one_attempt_and_a_log_without_a_gap(
    world: World, figure: Recorder
) -> None:
    """Seen failing with `Daemon._find_attempts` left out: the next daemon did not know of the attempt."""
    box = world.box(name=f"phoenix-{os.getpid()}")
    steady = Steady(world)
    pid = steady.begun()
    behind = Steady(world)
    for _ in range(10):
        box.kill()
        died = time.monotonic()
        box = world.box(name=box.name)
        eventually(lambda box=box: "found a running attempt" in box.log.read_text(), 10)
        figure(
            fault=1,
            promise="the task goes on in the same process, as attempt 1, without a gap in its log",
            measured="kill of the daemon → the next one has found the attempt",
            seconds=time.monotonic() - died,
        )
    assert behind.told == []
    steady.open_gate()
    behind.open_gate()
    assert steady.ended("completed").attempt == 1
    assert [told.pid for told in steady.told] == [pid, pid]
    steady.require_whole_log()
    assert behind.ended("completed").attempt == 1
    assert box.drain() == 0
