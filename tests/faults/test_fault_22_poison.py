"""Fault 22: a task that brings down every agent that runs it."""

from __future__ import annotations

import time
from textwrap import dedent

import pytest
from faults.conftest import Recorder
from flow.world import World, eventually

# The supervisor is the parent; the daemon's id comes with the task, by a file.
POISON = dedent(
    """
    import os, signal, sys, time
    from pathlib import Path
    print("attempt", os.environ["ELSEWHERE_ATTEMPT"], flush=True)
    while not (daemon := int(Path(sys.argv[1]).read_text() or 0)):
        time.sleep(0.05)
    for pid in (daemon, os.getppid(), os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    """
)


@pytest.mark.fault(22)
def test_a_task_that_always_kills_its_agent_is_poisoned_after_three_and_the_queue_moves_on(
    world: World, figure: Recorder
) -> None:
    """After three lost attempts in a row nobody runs it any more; what stands behind it runs.

    Seen failing with the reaper's limit switched off: it brought the fourth agent down, too.
    """
    victim = world.folder / "victim"
    poison = world.submit(world.repository("poison", main__py=POISON), "main.py", str(victim))
    behind = world.submit(world.repository("behind", main__py="print('my turn')\n"), "main.py")
    began = 0.0
    for number in range(3):
        # As its service manager would start it again.
        victim.write_text("0")
        box = world.box("--heartbeat", "0.5", "--lease", "2", name=f"poisoned-{world.folder.name}")
        victim.write_text(str(box.process.pid))
        assert box.process.wait(60) == -9, f"the daemon was to be killed by attempt {number + 1}"
        began = time.monotonic()
    world.box("--heartbeat", "0.5", "--lease", "2", name=f"poisoned-{world.folder.name}")
    shown = world.wait_for(behind, "completed")
    seconds = time.monotonic() - began
    assert shown["attempt"] == 1
    shown = world.wait_for(poison, "failed")
    assert "poisoned" in shown["status_message"]
    assert shown["attempt"] == 3
    assert "attempt 4" not in eventually(lambda: world.log(poison), 10)
    figure(
        fault=22,
        promise="a task that always kills its agent fails as poisoned after three, and the queue moves on",
        seconds=seconds,
        measured="third death of the agent (restarted at once, lease of 2 s) to the end of the task behind",
    )
