"""Fault 8: the link is cut for longer than the lease lasts."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.proxy import FaultProxy
from faults.server import OwnServer
from faults.steady import Steady, runs
from flow.world import World, eventually

from elsewhere.contract import keys

FAST = ("--heartbeat", "0.5", "--lease", "3")


@pytest.mark.fault(8)
@pytest.mark.parametrize("fault", ["cut", "black_hole", "swallow_answers", "hold"])
def test_a_box_cut_off_for_longer_than_its_lease_has_ended_its_script_before_another_begins(
    fault: str, world: World, far: World, proxy: FaultProxy, own_server: OwnServer, figure: Recorder
) -> None:
    """Seen failing without `Heartbeat._watch`: under a silent server the script outlived its lease by a second."""
    first = far.box(*FAST)
    steady = Steady(world, code=9, stubborn=True)
    pid = steady.begun()
    getattr(proxy, fault)()
    cut = time.monotonic()
    server = own_server.client
    left = eventually(lambda: _left_of(server, steady.id) if not runs(pid) else None, 20, "the script to end")
    figure(
        fault=8,
        promise="the script, though it ignores SIGTERM, is gone before its lease is over",
        measured="cut → the script is gone, lease of 3 s",
        seconds=time.monotonic() - cut,
    )
    assert left > 0
    second = world.box(*FAST)
    steady.begun(2)
    figure(
        fault=8,
        promise="another agent runs the task when the lease is over",
        measured="cut → first line of the next attempt, lease of 3 s",
        seconds=time.monotonic() - cut,
    )
    proxy.restore()
    steady.open_gate()
    record = steady.ended("completed")
    assert (record.attempt, record.agent) == (2, second.name)
    steady.require_whole_log(2)
    assert [told.attempt for told in steady.told if told.word == "end"] == [2]
    # The box that was cut off serves again.
    assert second.drain() == 0
    after = Steady(world)
    after.open_gate()
    assert after.ended("completed").agent == first.name


def _left_of(server, task: str) -> float:  # type: ignore[no-untyped-def]
    """Seconds of the task's lease that are left, by the server's clock."""
    seconds, micro = server.time()
    return float(server.zscore(keys.LEASES, task)) / 1000 - seconds - micro / 1_000_000


@pytest.mark.fault(8)
def test_an_agent_told_to_stop_in_a_partition_does_so_long_before_the_lease_ends(
    world: World, far: World, proxy: FaultProxy, figure: Recorder
) -> None:
    """Seen failing with `on_partition` passed over by `Heartbeat.run`: the script ran on for most of its lease."""
    far.box("--heartbeat", "0.5", "--lease", "60", "--on-partition", "stop")
    steady = Steady(world)
    pid = steady.begun()
    proxy.cut()
    cut = time.monotonic()
    eventually(lambda: not runs(pid), 30, "the script to be ended")
    figure(
        fault=8,
        promise="with `--on-partition stop` the script ends at the second renewal that fails",
        measured="cut → the script is gone, heartbeat of 0.5 s, lease of 60 s",
        seconds=time.monotonic() - cut,
    )
