"""How long commands take to answer. Floor: `python -c pass`."""

from __future__ import annotations

import subprocess
import sys
import time

from stage import AGENT, report, stage

ROUNDS = 15


def main() -> None:
    with stage() as here:
        floor = [timed([sys.executable, "-c", "pass"], here.variables) for _ in range(ROUNDS)]
        for command, aim in (("--help", "<= 250 ms"), ("list", "<= 600 ms")):
            timed([AGENT, command], here.variables)
            ours = [timed([AGENT, command], here.variables) for _ in range(ROUNDS)]
            report(f"agent {command}", ours, floor, "ms", aim)
        ours = [timed([sys.executable, "-c", "import elsewhere"], here.variables) for _ in range(ROUNDS)]
        report("import elsewhere", ours, floor, "ms", "<= 40 ms over the floor")


def timed(command: list[str], variables: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
