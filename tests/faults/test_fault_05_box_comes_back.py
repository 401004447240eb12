"""Fault 5: a box comes back after its task was given to another one."""

from __future__ import annotations

import contextlib
import time

import psutil
import pytest
from faults.conftest import Recorder
from faults.steady import Steady, everything_of, runs
from flow.world import World, eventually

from elsewhere.contract.errors import LateWrite
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Exited
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import commit, renew

FAST = ("--heartbeat", "0.5", "--lease", "3")


@pytest.mark.fault(5)
def test_a_box_that_comes_back_too_late_stops_its_attempt_and_is_refused_every_write(
    world: World, figure: Recorder
) -> None:
    """Seen failing with `refusal` of fence.lua answering nil: a chunk of attempt 1 was weighed as if it were the owner's."""
    first = world.box(*FAST)
    steady = Steady(world, code=9)
    pid = steady.begun()
    frozen = everything_of(first)
    for process in frozen:
        process.suspend()
    try:
        second = world.box(*FAST)
        steady.begun(2)
    finally:
        for process in frozen:
            with contextlib.suppress(psutil.Error):
                process.resume()
    back = time.monotonic()
    eventually(lambda: not runs(pid), 20, "the stale script to be ended")
    figure(
        fault=5,
        promise="the stale attempt is stopped, and all that it writes is refused",
        measured="the box is back → its stale script is gone, lease of 3 s",
        seconds=time.monotonic() - back,
    )
    eventually(lambda: not first.supervisors(), 20, "the stale supervisor to leave")
    steady.open_gate()
    record = steady.ended("completed")
    assert (record.attempt, record.agent) == (2, second.name)
    assert [told.word for told in steady.told if told.attempt == 1] == ["begin"]
    _require_one_after_the_other(steady)
    steady.require_whole_log(2)
    _require_refusals(world, steady.id, first.name)
    # The box that came back serves again.
    assert second.drain() == 0
    after = Steady(world)
    after.open_gate()
    assert after.ended("completed").agent == first.name


def _require_one_after_the_other(steady: Steady) -> None:
    attempts = [chunk.attempt for chunk in steady.chunks if chunk.kind == "output"]
    assert attempts == sorted(attempts)


def _require_refusals(world: World, task: str, agent: str) -> None:
    stale = Lease(task, 1, agent, 3.0)
    store, connection = RedisStore(world.url), connect(world.url)
    with pytest.raises(LateWrite):
        store.append_log(task, 1, 10_000, b"late", "output")
    with pytest.raises(LateWrite):
        renew(connection, stale)
    with pytest.raises(LateWrite):
        commit(connection, stale, Exited(9))
    assert store.get(task).status == "completed"
