"""Scalars: what 1,000,000 points cost to store, what 10,000,000 cost to draw, and what a look at 50 processes costs.

Floors: the same batches, packed and appended to plain strings; one read of as many outlines as the
long series has; the same facts of the same processes by psutil.
"""

from __future__ import annotations

import os
import random
import statistics
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Callable

import psutil
import redis
from stage import stage

from agent.monitor.processes import ProcessTree, pss_bytes
from elsewhere.contract.series import Points, Scalars, pack_rows
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore

SERIES, BATCH, BATCHES = 20, 200, 250
LONG = 10_000_000
FOREST = """
import os, sys, time
for _ in range(49):
    if os.fork() == 0:
        time.sleep(600)
print("grown", flush=True)
time.sleep(600)
"""


def main() -> None:
    with stage() as here:
        store, server = here.store, redis.Redis.from_url(here.url)
        for name, value in (("64 bits of noise", random.random), ("noise of 32 bits", narrow)):
            storing(store, server, name, value)
        drawing(store, server)
    looking()


def narrow() -> float:
    """As numbers come from a GPU."""
    return float(struct.unpack("f", struct.pack("f", random.random()))[0])


def steps(first: int, count: int, value: Callable[[], float]) -> Points:
    """Points 1 ms apart, more or less."""
    moments = array(
        "q", [1_700_000_000_000 + step + random.randrange(3) for step in range(first, first + count)]
    )
    return Points(
        array("q", range(first, first + count)), array("d", [value() for _ in range(count)]), moments
    )


def draft(store: RedisStore) -> str:
    return store.create(NewTask("benchmarks", "series", TaskSpec(Entry("main.py")))).id


def storing(store: RedisStore, server: redis.Redis, name: str, value: Callable[[], float]) -> None:
    task = draft(store)
    batches = [
        [Scalars("metrics", f"series {number}", steps(at * BATCH, BATCH, value)) for number in range(SERIES)]
        for at in range(BATCHES)
    ]
    begun = time.perf_counter()
    for batch in batches:
        store.add_scalars(task, batch)
    ours = time.perf_counter() - begun
    begun = time.perf_counter()
    for batch in batches:
        pipeline = server.pipeline(transaction=False)
        for one in batch:
            pipeline.append(f"floor:{one.series}", pack_rows(one.points))
        pipeline.execute()
    floor = time.perf_counter() - begun
    count = SERIES * BATCH * BATCHES
    held = memory(server, f"elsewhere:task:{task}:series*") / count
    bare = memory(server, "floor:*") / count
    print(
        f"{count:,} points of {SERIES} series, {name}: {ours:.2f} s, floor {floor:.2f} s, "
        f"ratio {ours / floor:.1f} (aim <= 8 s); {held:.1f} bytes a point in memory, floor {bare:.1f} (aim <= 12)",
        flush=True,
    )
    server.delete(*server.keys("floor:*"))


def memory(server: redis.Redis, pattern: str) -> int:
    return sum(server.memory_usage(key, samples=0) or 0 for key in server.keys(pattern))


def drawing(store: RedisStore, server: redis.Redis) -> None:
    task = draft(store)
    for first in range(0, LONG, 50_000):
        store.add_scalars(task, [Scalars("metrics", "long", steps(first, 50_000, random.random))])
    begun = time.perf_counter()
    drawn = store.scalars(task, max_points=2000)[0].points
    times = [time.perf_counter() - begun]
    floors = []
    for _ in range(9):
        begun = time.perf_counter()
        store.scalars(task, max_points=2000)
        times.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        server.hgetall(f"elsewhere:task:{task}:series:0:outlines")
        floors.append(time.perf_counter() - begun)
    ours, floor = statistics.median(times) * 1000, statistics.median(floors) * 1000
    (summary,) = store.series(task)
    held = memory(server, f"elsewhere:task:{task}:series*")
    print(
        f"{summary.count:,} points drawn from {len(drawn):,}: {ours:.0f} ms, floor {floor:.0f} ms, "
        f"ratio {ours / floor:.2f} (aim <= 100 ms); {held / LONG:.1f} bytes a point in memory (aim <= 12), "
        f"{summary.coarsened:,} coarsened",
        flush=True,
    )


def looking() -> None:
    forest = subprocess.Popen([sys.executable, "-c", FOREST], stdout=subprocess.PIPE, start_new_session=True)
    assert forest.stdout is not None
    forest.stdout.readline()
    try:
        tree = ProcessTree(forest.pid)
        look = tree.look()
        assert look is not None
        assert look.processes == 50
        ours = cost(tree.look)
        true = cost(lambda: pss_bytes(look))
        floor = cost(lambda: by_psutil(forest.pid))
    finally:
        os.killpg(forest.pid, 9)
        forest.wait()
    print(
        f"a look at 50 processes: {ours * 1000:.1f} ms, by psutil {floor * 1000:.1f} ms, ratio {ours / floor:.2f}; "
        f"every 5 s that is {ours / 5:.2%} of a processor (aim <= 0.5 %); their PSS takes {true * 1000:.1f} ms more"
    )


def cost(work: Callable[[], object]) -> float:
    """Median seconds of a processor."""
    costs = []
    for _ in range(20):
        begun = time.thread_time()
        work()
        costs.append(time.thread_time() - begun)
    return statistics.median(costs)


def by_psutil(pid: int) -> list[object]:
    top = psutil.Process(pid)
    facts: list[object] = []
    for process in (top, *top.children(recursive=True)):
        with process.oneshot():
            facts += [process.cpu_times(), process.memory_info(), process.io_counters(), process.status()]
    return facts


if __name__ == "__main__":
    main()
