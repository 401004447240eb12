"""Fault 24: two agents of one name are started on one box."""

from __future__ import annotations

import subprocess
import time
from textwrap import dedent

import pytest
from faults.conftest import Recorder
from faults.processes import told
from flow.world import AGENT, World

STEADY = dedent(
    """
    import os, sys, time
    print("pid", os.getpid(), flush=True)
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    """
)


@pytest.mark.fault(24)
def test_a_second_agent_of_the_same_name_is_refused_and_disturbs_nothing(
    world: World, figure: Recorder
) -> None:
    """It exits with 2 and says why; what the first one runs, runs on.

    Seen failing with the lock of ``Presence`` granted to everybody: the second one served, too.
    """
    root = world.repository(main__py=STEADY)
    gate = world.folder / "gate"
    task = world.submit(root, "main.py", str(gate))
    box = world.box()
    told(world, task, r"pid (\d+)")
    began = time.monotonic()
    second = subprocess.run(
        [str(AGENT), "daemon", "--name", box.name, "--exit-when-idle", "0.5"],
        env=world.environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    seconds = time.monotonic() - began
    assert second.returncode == 2, second.stderr
    assert f"an agent named {box.name} runs on this machine already" in second.stderr
    assert "--name" in second.stderr
    assert "Traceback" not in second.stderr
    (supervisor,) = box.supervisors()
    assert supervisor.is_running()
    gate.touch()
    shown = world.wait_for(task, "completed")
    assert (shown["attempt"], shown["agent"]) == (1, box.name)
    assert box.drain() == 0
    again = world.box("--exit-when-idle", "0.2", name=box.name)
    assert again.process.wait(30) == 0, "the name was to be free again"
    figure(
        fault=24,
        promise="a second agent of a name on one box is refused with exit code 2; the first goes on",
        seconds=seconds,
        measured="start of the second to its refusal",
    )
