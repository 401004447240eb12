"""Fault 7: the link is cut, but not for as long as the lease lasts."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.proxy import FaultProxy
from faults.steady import Steady
from flow.world import World, eventually


# The cut of two minutes under a lease of five is the one that is promised; it is run by
# `make test-faults`. The same in proportion, short enough for every run, shows lost contact, too.
@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("cut", "lease"),
    [(20, 36), pytest.param(120, 300, marks=[pytest.mark.slow_fault, pytest.mark.timeout(420)])],
)
def test_a_cut_shorter_than_the_lease_leaves_the_task_running_and_its_log_complete(
    cut: float, lease: float, world: World, far: World, proxy: FaultProxy, figure: Recorder
) -> None:
    """Seen failing with `Sender._send` giving up at the first error: nothing of what was written meanwhile came."""
    far.box("--heartbeat", "1", "--lease", str(lease))
    steady = Steady(world)
    pid = steady.begun()
    proxy.black_hole()
    begun = time.monotonic()
    if cut > lease / 2:
        eventually(lambda: world.show(steady.id)["lost_contact"], cut, "lost contact to show")
        assert world.show(steady.id)["status"] == "in_progress"
    time.sleep(max(0.0, begun + cut - time.monotonic()))
    seen = len(steady.lines())
    proxy.restore()
    restored = time.monotonic()
    # Fifty lines a second at most: a fifth of that is what a busy machine may make of it.
    eventually(lambda: len(steady.lines()) > seen + 10 * cut, 30, "what was written meanwhile")
    figure(
        fault=7,
        promise="the task goes on, and its log is complete and in order",
        measured=f"link restored after {cut} s, lease of {lease} s → what was written meanwhile is in the store",
        seconds=time.monotonic() - restored,
    )
    assert not world.show(steady.id)["lost_contact"]
    steady.open_gate()
    assert steady.ended("completed").attempt == 1
    assert [told.pid for told in steady.told] == [pid, pid]
    steady.require_whole_log()
