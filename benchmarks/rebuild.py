"""Build the environment of eight requirements: cold, and warm from a stored lock.

Floors: `uv venv` + `uv pip install` with an empty package cache; `uv venv` + `uv pip sync --offline` of
the same lock with a full one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stage import report, stage
from uv import find_uv_bin

from agent.environment import Environments, warm
from elsewhere.contract.spec import Packages

REQUIREMENTS = ("numpy", "pandas", "pydantic", "requests", "rich", "click", "pyyaml", "tqdm")
ROUNDS = 7


def main() -> None:
    with stage() as here:
        warm()
        cold_ours, cold_floor, warm_ours, warm_floor = [], [], [], []
        uv, lines = find_uv_bin(), here.folder / "requirements.txt"
        lines.write_text("\n".join(REQUIREMENTS))
        packages = Packages(python=sys.version.split()[0], requirements=REQUIREMENTS)
        for number in range(2):
            os.environ["UV_CACHE_DIR"] = str(here.folder / f"floor-cache{number}")
            cold_floor.append(
                floor(here.folder / f"cold{number}", [uv, "pip", "install", "-q", "-r", str(lines)])
            )
            os.environ["UV_CACHE_DIR"] = str(here.folder / f"cache{number}")
            store = here.folder / f"environments{number}"
            cold_ours.append(timed(lambda: build(store, packages)))  # noqa: B023 - called at once
        report("cold rebuild", cold_ours, cold_floor, "ms", "none; as near 1 as may be")
        lock = next((here.folder / "environments0").rglob("locks/*.txt"))
        # Pinned, as capture pins them: what is open is resolved anew, lock or not.
        pinned = Packages(python=packages.python, requirements=pins(lock))
        store = here.folder / "warm-environments"
        build(store, pinned)
        for number in range(ROUNDS):
            forget_builds(store)
            warm_ours.append(timed(lambda: build(store, pinned)))
            sync = [uv, "pip", "sync", "-q", "--offline", str(lock)]
            warm_floor.append(floor(here.folder / f"warm{number}", sync))
        report("warm rebuild from a stored lock", warm_ours, warm_floor, "ms", "<= 1.3")


def pins(lock: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in lock.read_text().splitlines()]
    return tuple(line for line in lines if line.partition("==")[0].lower() in REQUIREMENTS)


def build(folder: Path, packages: Packages) -> None:
    Environments(folder).prepare(packages, note=lambda _: None)


def forget_builds(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and (path / "bin").is_dir():
            shutil.rmtree(path)


def floor(target: Path, install: list[str]) -> float:
    environment = os.environ | {"VIRTUAL_ENV": str(target)}

    def work() -> None:
        subprocess.run([install[0], "venv", "-q", "-p", sys.executable, str(target)], check=True)
        subprocess.run(install, check=True, env=environment)

    return timed(work)


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
