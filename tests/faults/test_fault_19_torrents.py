"""Fault 19: a script prints more, longer and stranger things than anybody reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent

import psutil
import pytest
from faults.conftest import Recorder
from flow.world import World, eventually

from elsewhere.contract.task import LogChunk
from elsewhere.store.log_rules import CAP_BYTES
from elsewhere.store.redis import RedisStore

MIB = 1024 * 1024
BOUND = 120 * MIB

TORRENT = dedent(
    """
    import os, sys, time
    out = sys.stdout.buffer
    out.write(b"the first line\\n" + b"L" * 10_000_000 + b"\\n")
    out.write(bytes(range(256)) * 4096 + b"\\n")
    block = (b"torrent " + b"t" * 91 + b"\\n") * 10_000
    began, written = time.monotonic(), 0
    while written < 300_000_000:
        out.write(block)
        written += len(block)
        time.sleep(max(0.0, began + written / 100_000_000 - time.monotonic()))
    out.write(b"the last line\\n")
    out.flush()
    """
)

BAR = dedent(
    """
    import sys, time
    print("loading", flush=True)
    for bar in range(2):
        for percent in range(0, 101):
            sys.stderr.write(f"\\rbar {bar}: {percent:3d}% " + "#" * percent)
            sys.stderr.flush()
            time.sleep(0.01)
        sys.stderr.write("\\n")
    print("loaded", flush=True)
    """
)


@contextmanager
def _highest_memory(process: psutil.Process) -> Iterator[list[int]]:
    """The most memory that ``process`` had resident while the block ran, as the list's one item."""
    highest, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            try:
                highest[0] = max(highest[0], process.memory_info().rss)
            except psutil.Error:
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    yield highest
    over.set()
    watching.join()


def _chunks(world: World, task: str) -> list[LogChunk]:
    store = RedisStore(world.url)
    found: list[LogChunk] = []
    while bite := store.read_log(task, found[-1].position if found else ""):
        found += bite
    store.close()
    return found


@pytest.mark.fault(19)
def test_a_torrent_of_junk_is_bounded_in_memory_and_in_the_store_and_says_what_was_cut(
    world: World, figure: Recorder
) -> None:
    """A 10 MB line, binary, then 300 MB at up to 100 MB/s: nothing grows without end.

    Seen failing with the store's cap switched off: it held 311 MB; and with the pump remembering
    more than the tail: the supervisor grew beyond the bound.
    """
    root = world.repository(main__py=TORRENT)
    task = world.submit(root, "main.py")
    box = world.box()
    (supervisor,) = eventually(box.supervisors, 30, "a supervisor")
    with _highest_memory(supervisor) as highest:
        shown = world.wait_for(task, "completed", timeout=120)
    assert shown["exit_code"] == 0
    assert MIB < highest[0] < BOUND
    chunks = _chunks(world, task)
    held = sum(len(chunk.data) for chunk in chunks)
    assert held <= CAP_BYTES + MIB
    assert chunks[0].kind == "note"
    assert b"cut" in chunks[0].data
    output = b"".join(chunk.data for chunk in chunks if chunk.kind == "output")
    assert output.endswith(b"the last line\n")
    assert b"the first line" not in output
    figure(
        fault=19,
        promise="10 MB lines, binary and 100 MB/s are bounded in memory and in the store, and marked as cut",
        seconds=highest[0] / MIB,
        measured="most memory of the supervisor",
        unit="MiB",
    )
    figure(
        fault=19,
        promise="10 MB lines, binary and 100 MB/s are bounded in memory and in the store, and marked as cut",
        seconds=held / MIB,
        measured="log in the store, of 311 MB that were printed",
        unit="MiB",
    )


@pytest.mark.fault(19)
def test_bytes_that_are_no_text_arrive_as_they_were_printed(world: World) -> None:
    """The store holds what was printed, byte by byte; only a screen is spared.

    Seen failing with the pump decoding what it reads: the bytes above 127 were others.
    """
    junk = "import sys\nsys.stdout.buffer.write(bytes(b for b in range(256) if b != 13) * 9 + b'\\n' + b'w' * 10_000_000)\n"
    task = world.submit(world.repository(main__py=junk), "main.py")
    world.box()
    world.wait_for(task, "completed")
    output = b"".join(chunk.data for chunk in _chunks(world, task) if chunk.kind == "output")
    assert output == bytes(byte for byte in range(256) if byte != 13) * 9 + b"\n" + b"w" * 10_000_000


@pytest.mark.fault(19)
def test_a_progress_bar_is_stored_in_its_last_state_and_seen_live_by_a_follower(
    world: World, figure: Recorder
) -> None:
    """A thousand states of a line are one line afterwards; whoever follows sees it move.

    Seen failing with ``Carriage.feed`` handing on what it gets: all 202 states were stored.
    """
    task = world.submit(world.repository(main__py=BAR), "main.py")
    seen: list[LogChunk] = []
    store = RedisStore(world.url)
    following = threading.Thread(target=lambda: seen.extend(store.follow_log(task)), daemon=True)
    following.start()
    began = time.monotonic()
    world.box()
    world.wait_for(task, "completed")
    following.join(30)
    assert not following.is_alive(), f"no end after {time.monotonic() - began:.0f} s"
    output = b"".join(chunk.data for chunk in _chunks(world, task) if chunk.kind != "note").decode()
    stored = [line for line in output.splitlines() if line]
    hashes = "#" * 100
    assert stored == ["loading", f"bar 0: 100% {hashes}", f"bar 1: 100% {hashes}", "loaded"]
    live = [chunk for chunk in seen if chunk.kind == "live"]
    assert len(live) >= 3
    figure(
        fault=19,
        promise="a progress bar is stored as its last state, and moves for whoever follows",
        seconds=len(stored),
        measured="lines stored of 202 states that were printed",
        unit="lines",
    )
