"""A cache hit: workspace and environment are there before the interpreter starts.

Ours is what an attempt does in its own process: rebuild the workspace from the cached repository, find the
environment, start its interpreter. Floor: a shell's checkout and patch, and the same interpreter. 200 files, a
one-line diff, an environment of three packages; the two alternate.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from dispatch import by_shell, prepare_floor
from stage import report, repository, stage

from agent import workspace
from agent.environment import Environments, warm
from elsewhere.contract.spec import Packages

ROUNDS = 30
SCRIPT = "import sys, time\nopen(sys.argv[1], 'w').write(repr(time.time()))\n"


def main() -> None:
    with stage() as here:
        warm()
        root = repository(here.folder / "repo", files=200, script=SCRIPT)
        mark = here.folder / "mark"
        spec = here.spec(root, "main.py", str(mark))
        packages = Packages(requirements=("six==1.16.0", "packaging==24.1", "click==8.1.7"))
        environments = Environments(here.folder / "environments")
        python = environments.prepare(packages, note=lambda _: None).python
        bare, diff = prepare_floor(here.folder, root)

        def hit(tree: Path) -> float:
            mark.unlink(missing_ok=True)
            begun = time.time()
            workspace.rebuild(
                spec.source, tree, repositories=here.folder / "repositories", fetch=here.store.get_blob,
                note=lambda _: None,
            )  # fmt: skip
            with environments.held(packages, tree, note=lambda _: None) as environment:
                subprocess.run([str(environment.python), "main.py", str(mark)], cwd=tree, check=True)
            return float(mark.read_text()) - begun

        hit(here.folder / "first")  # fetches the repository
        ours, floor = [], []
        for number in range(ROUNDS):
            tree = here.folder / f"tree{number}"
            ours.append(hit(tree) * 1000)
            floor.append(by_shell(here.folder / f"floor{number}", bare, diff, python, mark) * 1000)
            shutil.rmtree(tree)
        report("cache hit, to the script's first line", ours, floor, "ms", "<= 1.5")


if __name__ == "__main__":
    main()
