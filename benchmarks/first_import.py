"""The first import of a fresh environment, as it is and after it was compiled in the background.

Floor: the same import, once the interpreter has compiled all of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from stage import report, stage

from agent.environment import Environment, Environments, bytecode
from elsewhere.contract.spec import Packages

REQUIREMENTS = ("numpy", "pandas")
ROUNDS = 5


def main() -> None:
    fresh, compiled, floor = [], [], []
    with stage() as here:
        for number in range(ROUNDS):
            packages = Packages(requirements=REQUIREMENTS)
            environment = Environments(here.folder / f"fresh{number}").prepare(packages, note=lambda _: None)
            fresh.append(first_import(environment))
            floor.append(first_import(environment))
            # The disk's cache is warm now in both, so that only the compiling differs.
            forget_bytecode(environment)
            compile_all(environment)
            compiled.append(first_import(environment))
        report("first import, fresh environment", fresh, floor, "ms", "none: it is what happens today")
        report("first import, compiled before", compiled, floor, "ms", "<= 1.1")


def first_import(environment: Environment) -> float:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    begun = time.perf_counter()
    code = f"import {', '.join(REQUIREMENTS)}"
    subprocess.run([environment.python, "-c", code], check=True, env=variables, cwd="/")
    return (time.perf_counter() - begun) * 1000


def forget_bytecode(environment: Environment) -> None:
    for folder in list(environment.folder.rglob("__pycache__")):
        shutil.rmtree(folder)


def compile_all(environment: Environment) -> None:
    bytecode.compile_soon(environment)
    with Path(bytecode.compiling_lock(environment)).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert bytecode.is_compiled(environment)


if __name__ == "__main__":
    main()
