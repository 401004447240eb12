"""What an idle agent costs: memory (PSS) of the daemon with its warm fork server, and CPU.

Peer: a stock `rq worker` on the same server.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
from stage import stage

SECONDS = 30.0


def main() -> None:
    with stage() as here:
        with here.agent() as daemon:
            time.sleep(5)
            ours = measure(daemon.pid)
        worker = subprocess.Popen(
            [str(Path(sys.executable).with_name("rq")), "worker", "-q", "-u", here.url, "peer"],
            env=here.variables,
        )
        try:
            time.sleep(5)
            peer = measure(worker.pid)
        finally:
            worker.terminate()
            worker.wait(30)
    print(
        f"idle daemon with its warm fork server: {ours[0]:.0f} MiB PSS, {ours[1]:.2f} % CPU (aim <= 70, < 0.3); "
        f"rq worker: {peer[0]:.0f} MiB, {peer[1]:.2f} % CPU; ratio of memory {ours[0] / peer[0]:.2f}"
    )


def measure(pid: int) -> tuple[float, float]:
    """MiB of PSS and per cent of one CPU, of a process and all below it, over SECONDS."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    before = sum(sum(process.cpu_times()[:2]) for process in family)
    time.sleep(SECONDS)
    after = sum(sum(process.cpu_times()[:2]) for process in family)
    pss = sum(process.memory_full_info().pss for process in family)
    return pss / 2**20, (after - before) / SECONDS * 100


if __name__ == "__main__":
    main()
