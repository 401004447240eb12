"""Fault 11: the server is out of memory, under `noeviction`."""

from __future__ import annotations

import subprocess
import time

import pytest
from faults.conftest import Recorder
from faults.server import OwnServer
from faults.steady import Steady, runs
from flow.world import AGENT, World, eventually

# Twice as long as the lease: the attempt must be able to renew it on a full server, too.
FULL_SECONDS = 8.0
LEASE = 4.0


@pytest.mark.fault(11)
def test_a_full_server_stops_no_task_and_says_so_to_who_submits(
    world: World, own_server: OwnServer, figure: Recorder
) -> None:
    """Seen failing with `flags allow-oom` left out of renew.lua: the script was ended one lease after the server was full."""
    box = world.box("--heartbeat", "0.5", "--lease", str(LEASE))
    steady = Steady(world)
    pid = steady.begun()
    root = world.repository(main__py="print('one more')\n")
    own_server.client.config_set("maxmemory-policy", "noeviction")
    own_server.client.config_set("maxmemory", "1mb")
    full = time.monotonic()
    refused = subprocess.run(
        [str(AGENT), "submit", "main.py"], cwd=root, env=world.environment, capture_output=True, text=True
    )
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "out of memory" in refused.stderr
    assert "Traceback" not in refused.stderr
    time.sleep(max(0.0, full + FULL_SECONDS - time.monotonic()))
    assert runs(pid)
    assert box.process.poll() is None
    seen = len(steady.lines())
    own_server.client.config_set("maxmemory", "0")
    room = time.monotonic()
    eventually(lambda: len(steady.lines()) > seen + 10 * FULL_SECONDS, 30, "what was written meanwhile")
    figure(
        fault=11,
        promise="tasks run on, what they write waits on disk, and a submit is told why it is refused",
        measured=f"room again after {FULL_SECONDS:g} s, lease of {LEASE:g} s → what was written meanwhile is stored",
        seconds=time.monotonic() - room,
    )
    steady.open_gate()
    assert steady.ended("completed").attempt == 1
    assert [told.pid for told in steady.told] == [pid, pid]
    steady.require_whole_log()
    assert world.submit(root, "main.py")
