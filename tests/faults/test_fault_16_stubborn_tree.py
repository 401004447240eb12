"""Fault 16: a task ignores SIGTERM and hides daemons of its own."""

from __future__ import annotations

import time
from textwrap import dedent

import pytest
from faults.conftest import Recorder
from faults.processes import gone, runs, told
from flow.world import World, eventually

GRACE = 1.0

HIDING = dedent(
    """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    SLEEP = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"

    def hide(environment):
        heard, tell = os.pipe()
        if os.fork() == 0:
            os.setsid()
            child = os.fork()
            if child:
                os.write(tell, str(child).encode())
                os._exit(0)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.execve(sys.executable, [sys.executable, "-c", SLEEP], environment)
        os.wait()
        return os.read(heard, 20).decode()

    daemons = [hide(dict(os.environ)), hide({}), hide({"PATH": os.environ["PATH"]})]
    print("pids", os.getpid(), *daemons, flush=True)
    time.sleep(600)
    """
)


@pytest.mark.fault(16)
def test_a_tree_that_ignores_sigterm_and_hides_daemons_is_gone_within_grace_and_five_seconds(
    world: World, figure: Recorder
) -> None:
    """Double-forked daemons in sessions of their own, some without environment, end with their task.

    Seen failing with ``become_subreaper`` switched off: the daemons with an empty environment lived on.
    """
    root = world.repository(main__py=HIDING)
    task = world.submit(root, "main.py")
    world.box()
    pids = told(world, task, r"pids (\d+) (\d+) (\d+) (\d+)")
    assert all(map(runs, pids))
    began = time.monotonic()
    world.agent("stop", task, "--grace", str(GRACE))
    eventually(lambda: gone(pids), GRACE + 20, "the whole tree to be gone")
    seconds = time.monotonic() - began
    assert seconds < GRACE + 5
    assert world.wait_for(task, "stopped")["exit_code"] is None
    figure(
        fault=16,
        promise="a tree that ignores SIGTERM and double-forks daemons is gone within grace + 5 s",
        seconds=max(0.0, seconds - GRACE),
        measured="end of the grace to the end of the last process",
    )
