"""1,000,000 lines of 100 bytes from a script to a follower, and the supervisor's peak memory.

Floor: the same script into a pipe, read in 64 KiB chunks, one XADD each into a Redis stream,
and a follower in another process that XREADs it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import redis
from stage import Stage, stage, until

LINES = 1_000_000
SCRIPT = f"""import sys, time
open(sys.argv[1], "w").write(repr(time.time()))
line = "x" * 99
for _ in range({LINES}):
    print(line)
"""
FOLLOWER = """import sys, time, redis
r, last, size = redis.Redis.from_url(sys.argv[1]), "0-0", 0
while size < int(sys.argv[2]):
    for _, entries in r.xread({"floor": last}, count=100, block=10000):
        last = entries[-1][0]
        size += sum(len(fields[b"d"]) for _, fields in entries)
print(repr(time.time()))
"""
ROUNDS = 3


def main() -> None:
    with stage() as here:
        # The whole log, also for a follower that falls behind: it is larger than the usual cap.
        here.variables["ELSEWHERE_LOG_CAP"] = str(LINES * 200)
        root = here.folder / "repo"
        root.mkdir()
        (root / "main.py").write_text(SCRIPT)
        begun = here.folder / "begun"
        spec = here.spec(root, "main.py", str(begun))
        ours, floor, peaks = [], [], []
        with here.agent():
            through_agent(here, spec, begun)
            for _ in range(ROUNDS):
                seconds, peak = through_agent(here, spec, begun)
                ours.append(seconds)
                peaks.append(peak)
                floor.append(through_stream(here, root / "main.py", begun))
    mine, least = min(ours), min(floor)
    print(
        f"{LINES:,} lines to a follower: {LINES / mine:,.0f} lines/s, floor {LINES / least:,.0f} lines/s, "
        f"ratio {least / mine:.2f} (aim >= 0.8); supervisor peak RSS {max(peaks) / 2**20:.0f} MiB (aim <= 80)"
    )


def through_agent(here: Stage, spec, begun: Path) -> tuple[float, int]:  # type: ignore[no-untyped-def]
    """Seconds from the script's first line to the follower's last byte; peak RSS of the supervisor."""
    store, task = here.store, here.draft(spec)
    follower = subprocess.Popen(
        [str(Path(sys.executable).with_name("agent")), "logs", "-f", task], env=here.variables,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    store.enqueue(task, "default")
    assert follower.stdout is not None
    size, peak = 0, 0
    supervisor = None
    while data := follower.stdout.read1(1 << 20):
        size += data.count(b"x")
        supervisor = supervisor or find_supervisor(here)
        if supervisor is not None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, supervisor.memory_info().rss)
    took = time.time() - float(begun.read_text())
    assert size == LINES * 99, size
    until(lambda: store.get(task).status.ended)
    return took, peak


def find_supervisor(here: Stage) -> psutil.Process | None:
    import json

    for mark in (here.folder / "home" / "state" / "agents").glob("*/attempts/*/attempt.json"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            return psutil.Process(json.loads(mark.read_text())["supervisor"]["pid"])
    return None


def through_stream(here: Stage, script: Path, begun: Path) -> float:
    server = redis.Redis.from_url(here.url)
    server.delete("floor")
    follower = subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, here.url, str(LINES * 100)], stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)  # until it waits
    producer = subprocess.Popen([sys.executable, str(script), str(begun)], stdout=subprocess.PIPE)
    assert producer.stdout is not None
    while data := producer.stdout.read1(65536):
        server.xadd("floor", {"d": data})
    ended, _ = follower.communicate(timeout=60)
    producer.wait()
    server.delete("floor")
    return float(ended) - float(begun.read_text())


if __name__ == "__main__":
    main()
