"""Fault 2: between the claim of a task and the start of its supervisor."""

from __future__ import annotations

import os
import time
from textwrap import dedent

import pytest
from faults.conftest import Recorder
from faults.injected import InjectedBox
from faults.steady import Steady
from flow.world import World, eventually

FAST = ("--heartbeat", "0.5", "--lease", "3")

KILLED = """
import os, signal
from agent.fork_server import ForkServer
ForkServer.start_supervisor = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.fault(2)
def test_a_task_whose_taker_was_killed_before_it_spawned_runs_on_another_agent(
    world: World, figure: Recorder
) -> None:
    """Seen failing with `queueing.reap` answering nothing: attempt 2 never began."""
    doomed = InjectedBox(world, f"doomed-{os.getpid()}", KILLED, *FAST)
    steady = Steady(world)
    doomed.process.wait(30)
    died = time.monotonic()
    assert steady.record.agent == doomed.name
    assert steady.told == []
    world.box(*FAST)
    steady.begun(2)
    figure(
        fault=2,
        promise="a task that was claimed and never spawned runs on another agent when its lease is over",
        measured="kill → first line of the next attempt, lease of 3 s",
        seconds=time.monotonic() - died,
    )
    steady.open_gate()
    assert steady.ended("completed").attempt == 2
    assert [told.word for told in steady.told] == ["begin", "end"]


DEAF = dedent(
    """
    import importlib
    from elsewhere.contract.errors import ServerUnreachable

    door = importlib.import_module("queueing.take")
    real, deaf = door.TAKE.run, []

    def run(*arguments):
        answer = real(*arguments)
        if answer is not None and not deaf:
            deaf.append(True)
            raise ServerUnreachable("the answer was lost on the way")
        return answer

    door.TAKE.run = run
    """
)


@pytest.mark.fault(2)
def test_a_claim_whose_answer_was_lost_is_found_again_as_the_same_attempt(
    world: World, figure: Recorder
) -> None:
    """Seen failing with a new token for each call of `take`: attempt 1 never began."""
    InjectedBox(world, f"deaf-{os.getpid()}", DEAF)
    steady = Steady(world)
    claimed = eventually(lambda: steady.record.started, 30)
    steady.begun(1)
    figure(
        fault=2,
        promise="a claim whose answer was lost is the same attempt's when the agent asks again",
        measured="claim on the server → first line of the script",
        seconds=time.time() - claimed,
    )
    steady.open_gate()
    assert steady.ended("completed").attempt == 1
