"""200 no-op tasks with rebuilt workspaces through 2 slots.

Floor: two shells that do the same checkouts and interpreter starts, 100 each, side by side.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from dispatch import prepare_floor
from stage import Stage, repository, stage

TASKS = 200


def main() -> None:
    with stage() as here:
        root = repository(here.folder / "repo", files=200, script="pass")
        spec = here.spec(root, "main.py")
        with here.agent("--slots", "2"):
            run(here, [here.draft(spec)])
            python = next((here.folder / "home" / "cache" / "environments").glob("*/bin/python"))
            ours = run(here, [here.draft(spec, f"task {number}") for number in range(TASKS)])
        floor = by_shells(here.folder, root, python)
    print(
        f"{TASKS} no-op tasks through 2 slots: {TASKS / ours:.1f} tasks/s, floor {TASKS / floor:.1f} tasks/s, "
        f"ratio {ours / floor:.2f}  (aim >= 12 tasks/s)"
    )


def run(here: Stage, tasks: list[str]) -> float:
    store = here.store
    begun = time.perf_counter()
    for task in tasks:
        store.enqueue(task, "default")
    for task in tasks:
        for _ in store.follow_log(task):  # blocks until the task has ended, and costs nothing meanwhile
            pass
    took = time.perf_counter() - begun
    assert all(store.get(task).exit_code == 0 for task in tasks)
    return took


def by_shells(folder: Path, root: Path, python: Path) -> float:
    bare, diff = prepare_floor(folder, root)
    script = (
        'for n in $(seq "$5"); do git -C "$1" worktree add -q --detach "$2$n" HEAD && cd "$2$n" '
        '&& git apply "$3" && "$4" main.py; cd / && rm -rf "$2$n"; done'
    )
    begun = time.perf_counter()
    shells = [
        subprocess.Popen(
            ["sh", "-c", script, "sh", *map(str, (bare, folder / f"lane{lane}-", diff, python, TASKS // 2))]
        )
        for lane in range(2)
    ]
    assert all(shell.wait() == 0 for shell in shells)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
