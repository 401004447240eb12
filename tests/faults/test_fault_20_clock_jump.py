"""Fault 20: the clock of an agent's machine jumps by an hour, forth and back."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.conftest import Recorder
from faults.equipment import equipped
from faults.processes import told
from flow.world import World

from elsewhere.store.redis.connection import connect
from queueing import list_agents

HOUR = 3600

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The wall clock, moved by the seconds that stand in the file CLOCK_SHIFT. */
static volatile long long *shift;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_SHIFT");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) shift = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, now);
    if (!answer && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
    return answer;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int answer = real(now, zone);
    if (!answer && shift) now->tv_sec += *shift;
    return answer;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""

STEADY = """
import os, sys, time
print("pid", os.getpid(), flush=True)
number = 0
while not os.path.exists(sys.argv[1]):
    print("line", number, flush=True)
    number += 1
    time.sleep(0.05)
print("the end", flush=True)
"""


@pytest.fixture
def clock(tmp_path: Path) -> tuple[dict[str, str], Callable[[int], None]]:
    """What an agent needs in its environment, and how its clock is moved by so many seconds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here to build a clock that can be moved")
    source, library, shift = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "shift"
    source.write_text(SHIM)
    shift.write_bytes(struct.pack("q", 0))
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"],
        capture_output=True, text=True,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"no library to preload can be built here: {built.stderr:.200}")

    def move(seconds: int) -> None:
        with shift.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}, move


def _lives_through_a_lease(world: World, task: str, name: str) -> None:
    """For longer than its lease, the task stays its agent's, which stays known to the server."""
    connection = connect(world.url)
    (before,) = list_agents(connection)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        shown = world.show(task)
        assert (shown["status"], shown["attempt"], shown["agent"]) == ("in_progress", 1, name)
        time.sleep(0.2)
    (after,) = list_agents(connection)
    assert after.name == name
    assert after.last_seen >= before.last_seen + 2, "the daemon beats no more"


@pytest.mark.fault(20)
def test_a_clock_that_jumps_an_hour_forth_and_back_changes_nothing(
    world: World, clock: tuple[dict[str, str], Callable[[int], None]], figure: Recorder
) -> None:
    """Leases and beats go by the server's time and the monotonic clock.

    Seen failing with ``time.time`` in place of ``time.monotonic`` in ``Heartbeat``: an hour of silence was
    counted, and attempt 2 begun; and in ``Daemon``: after the jump back it beat no more.
    """
    variables, move = clock
    release = world.folder / "release"
    root = world.repository(main__py=STEADY)
    task = world.submit(root, "main.py", str(release))
    with equipped(world, **variables) as boxes:
        box = boxes.box("--heartbeat", "0.3", "--lease", "2")
        pids = told(world, task, r"pid (\d+)")
        for shift in (HOUR, -HOUR, 0):
            move(shift)
            _lives_through_a_lease(world, task, box.name)
        release.touch()
        shown = world.wait_for(task, "completed")
        move(-HOUR)
        began = time.monotonic()
        after = world.submit(root, "main.py", str(release))
        world.wait_for(after, "completed")
        seconds = time.monotonic() - began
        assert box.drain() == 0
    log = world.log(task)
    assert shown["attempt"] == 1
    assert [int(pid) for pid in re.findall(r"^pid (\d+)", log, re.MULTILINE)] == pids
    lines = [int(number) for number in re.findall(r"^line (\d+)", log, re.MULTILINE)]
    assert lines == list(range(len(lines)))
    assert 0 <= shown["ended"] - shown["started"] < HOUR / 2, "times are the server's"
    figure(
        fault=20,
        promise="the agent's clock jumps by an hour, forth and back: nothing changes",
        seconds=seconds,
        measured="submit under a clock that is an hour late to the task's end",
    )
