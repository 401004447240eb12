"""Put to first line of the user's script, environment and repository cached.

Floor: a shell that does the same checkout (`git worktree add`, `git apply`) and starts the same
interpreter on the same script. 200 files, a one-line diff, no requirements.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from stage import Stage, report, repository, stage

ROUNDS = 30
SCRIPT = """import time; now = time.time()
import sys
open(sys.argv[1], "w").write(repr(now))"""


def main() -> None:
    with stage() as here:
        root = repository(here.folder / "repo", files=200, script=SCRIPT)
        mark = here.folder / "mark"
        spec = here.spec(root, "main.py", str(mark))
        ours, floor = [], []
        with here.agent():
            first(here, spec, mark)
            python = next((here.folder / "home" / "cache" / "environments").glob("*/bin/python"))
            bare, diff = prepare_floor(here.folder, root)
            for number in range(ROUNDS):
                ours.append(first(here, spec, mark) * 1000)
                floor.append(by_shell(here.folder / f"floor{number}", bare, diff, python, mark) * 1000)
        report("dispatch, put to first line", ours, floor, "ms", "<= 2.0")


def first(here: Stage, spec, mark: Path) -> float:  # type: ignore[no-untyped-def]
    """Seconds from put to the script's first line."""
    mark.unlink(missing_ok=True)
    store, task = here.store, here.draft(spec)
    begun = time.time()
    store.enqueue(task, "default")
    for _ in store.follow_log(task):  # blocks until the task has ended, and costs nothing meanwhile
        pass
    return float(mark.read_text()) - begun


def prepare_floor(folder: Path, root: Path) -> tuple[Path, Path]:
    bare, diff = folder / "floor.git", folder / "floor.diff"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(bare)], check=True)
    # Packed, as what we keep is: reading 200 loose objects would flatter us.
    subprocess.run(["git", "-C", str(bare), "gc", "-q"], check=True)
    diff.write_bytes(
        subprocess.run(["git", "diff", "HEAD"], cwd=root, check=True, capture_output=True).stdout
    )
    return bare, diff


def by_shell(tree: Path, bare: Path, diff: Path, python: Path, mark: Path) -> float:
    mark.unlink(missing_ok=True)
    script = 'git -C "$1" worktree add -q --detach "$2" HEAD && cd "$2" && git apply "$3" && exec "$4" main.py "$5"'
    begun = time.time()
    subprocess.run(
        ["sh", "-c", script, "sh", *map(str, (bare, tree, diff, python, mark))], check=True, env=os.environ
    )
    return float(mark.read_text()) - begun


if __name__ == "__main__":
    main()
