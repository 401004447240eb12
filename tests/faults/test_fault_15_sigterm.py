"""Fault 15: a daemon is asked to end once, twice, three times."""

from __future__ import annotations

import signal
import time
from textwrap import dedent

import pytest
from faults.conftest import Recorder
from faults.processes import gone, told
from flow.world import Box, World, eventually

POLITE = dedent(
    """
    import os, signal, sys, time

    def tidy(number, frame):
        print("tidied up", flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, tidy)
    print("pid", os.getpid(), flush=True)
    time.sleep(float(sys.argv[1]))
    print("the end", flush=True)
    """
)

STUBBORN = dedent(
    """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", sleep], start_new_session=True)
    print("pids", os.getpid(), child.pid, flush=True)
    time.sleep(600)
    """
)


def _ask(box: Box, answer: str) -> None:
    """SIGTERM to the daemon, until it has said what it makes of it."""
    said = box.log.read_text().count(answer)
    box.process.send_signal(signal.SIGTERM)
    eventually(lambda: box.log.read_text().count(answer) > said, 20, f"the daemon to say {answer!r}")


@pytest.mark.fault(15)
def test_a_daemon_asked_once_finishes_what_runs_and_takes_nothing_new(world: World, figure: Recorder) -> None:
    """The first SIGTERM drains.

    Seen failing with ``Daemon._follow_signals`` not draining: the daemon never left.
    """
    root = world.repository(main__py=POLITE)
    task = world.submit(root, "main.py", "4")
    box = world.box()
    told(world, task, r"pid (\d+)")
    _ask(box, "draining")
    later = world.submit(root, "main.py", "0")
    assert box.process.wait(60) == 0
    left = time.monotonic()
    assert world.show(task)["status"] == "completed"
    assert "the end" in world.log(task)
    assert "tidied up" not in world.log(task)
    assert world.show(later)["status"] == "queued"
    ended = eventually(lambda: world.show(task)["ended"], 10)
    figure(
        fault=15,
        promise="SIGTERM once: what runs completes, nothing new is taken, exit code 0",
        seconds=max(0.0, time.time() - (time.monotonic() - left) - ended),
        measured="end of the last task to exit of the daemon",
    )


@pytest.mark.fault(15)
def test_a_daemon_asked_twice_stops_its_tasks_with_grace(world: World, figure: Recorder) -> None:
    """The second SIGTERM lets scripts tidy up, and says in each task why it ended.

    Seen failing with the signal not passed on to supervisors: the task slept on, the daemon never left.
    """
    root = world.repository(main__py=POLITE)
    task = world.submit(root, "main.py", "600")
    box = world.box()
    pids = told(world, task, r"pid (\d+)")
    _ask(box, "draining")
    began = time.monotonic()
    _ask(box, "stopping attempts")
    assert box.process.wait(60) == 0
    seconds = time.monotonic() - began
    shown = world.wait_for(task, "stopped")
    assert "SIGTERM" in shown["status_message"]
    assert "tidied up" in world.log(task)
    assert gone(pids)
    figure(
        fault=15,
        promise="SIGTERM twice: tasks are stopped with grace, and say so",
        seconds=seconds,
        measured="second SIGTERM to exit of the daemon, with a script that heeds it",
    )


@pytest.mark.fault(15)
def test_a_daemon_asked_three_times_kills_even_the_stubborn(world: World, figure: Recorder) -> None:
    """The third SIGTERM waits for nobody: the grace of ten seconds is cut short.

    Seen failing with ``Stop.ask`` deaf to a shorter grace: the tree lived out its ten seconds.
    """
    root = world.repository(main__py=STUBBORN)
    task = world.submit(root, "main.py")
    box = world.box()
    pids = told(world, task, r"pids (\d+) (\d+)")
    _ask(box, "draining")
    _ask(box, "stopping attempts")
    began = time.monotonic()
    _ask(box, "stopping attempts")
    eventually(lambda: gone(pids), 30, "the stubborn tree to be gone")
    seconds = time.monotonic() - began
    assert seconds < 7, "the grace of 10 s was not cut short"
    assert box.process.wait(60) == 0
    assert world.wait_for(task, "stopped")["attempt"] == 1
    figure(
        fault=15,
        promise="SIGTERM three times: whatever runs is killed",
        seconds=seconds,
        measured="third SIGTERM to the end of a tree that ignores SIGTERM",
    )
