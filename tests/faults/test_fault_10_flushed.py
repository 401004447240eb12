"""Fault 10: somebody flushes the server (FLUSHALL) under running tasks."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.server import OwnServer
from faults.steady import Steady, runs
from flow.world import World, eventually

from queueing import list_agents

FAST = ("--heartbeat", "0.5", "--lease", "3")


@pytest.mark.fault(10)
def test_agents_announce_themselves_again_and_end_what_nobody_knows_any_more_and_say_so(
    world: World, own_server: OwnServer, figure: Recorder
) -> None:
    """Seen failing with BEAT left out of `Registration.beat` after the first: the list of agents stayed empty."""
    boxes = [world.box(*FAST) for _ in range(2)]
    tasks = [Steady(world) for _ in range(2)]
    pids = [task.begun() for task in tasks]
    own_server.client.flushall()
    flushed = time.monotonic()
    names = sorted(box.name for box in boxes)
    server = own_server.client
    eventually(lambda: [agent.name for agent in list_agents(server)] == names, 20, "agents to be listed")
    figure(
        fault=10,
        promise="agents announce themselves again",
        measured="FLUSHALL → all agents are listed, heartbeat of 0.5 s",
        seconds=time.monotonic() - flushed,
    )
    eventually(lambda: not any(map(runs, pids)), 20, "scripts of tasks that are gone to be ended")
    figure(
        fault=10,
        promise="what no server knows any more is ended, and the loss is told",
        measured="FLUSHALL → the scripts are gone, lease of 3 s",
        seconds=time.monotonic() - flushed,
    )
    for task in tasks:
        told = eventually(lambda task=task: [box for box in boxes if _told(box.log.read_text(), task.id)], 10)
        assert len(told) == 1
        gone = world.agent("show", task.id, check=False)
        assert gone.returncode == 4
        assert task.id in gone.stderr
    again = [Steady(world) for _ in range(2)]
    for task in again:
        task.open_gate()
        assert task.ended("completed").attempt == 1
        task.require_whole_log()
    for task in tasks:
        assert [told.word for told in task.told] == ["begin"]


def _told(log: str, task: str) -> bool:
    """Whether a daemon's log says that it lost this task."""
    return any(task in line and "lost" in line for line in log.splitlines())
