"""What a script waits for before it goes on: `import elsewhere`, and `Task.init` at a desk until it returns.

Floor: `python -c pass`. Peer: ClearML, installed for it into an environment of its own where an index has it; its
`Task.init` is the offline one, which asks no server either.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stage import Stage, report, repository, stage

ROUNDS = 15
OURS = "from elsewhere import Task"
PEERS = "from clearml import Task; Task.set_offline(True)"
SCRIPT = """
import time
{imports}
begun = time.perf_counter()
task = Task.init(project_name="benchmarks", task_name="start")
print("init", (time.perf_counter() - begun) * 1000)
"""


def main() -> None:
    with stage() as here:
        root = here.folder / "repository"
        root.mkdir()
        repository(root, files=200, script=SCRIPT.format(imports=OURS))
        peer = clearml(here)
        commands: dict[str, Callable[[], float]] = {
            "floor": lambda: timed(here, root, sys.executable, "-c", "pass"),
            "import": lambda: timed(here, root, sys.executable, "-c", OURS),
            "init": lambda: init(here, root, sys.executable, "main.py"),
        }
        if peer is not None:
            (root / "peer.py").write_text(SCRIPT.format(imports=PEERS))
            commands["peer's floor"] = lambda: timed(here, root, peer, "-c", "pass")
            commands["peer's import"] = lambda: timed(here, root, peer, "-c", "import clearml")
            commands["peer's init"] = lambda: init(here, root, peer, "peer.py")
        took: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(ROUNDS + 1):
            for name, command in commands.items():
                figure = command()
                if number:  # the first one compiles and fills caches
                    took[name].append(figure)
        tell(took)


def tell(took: dict[str, list[float]]) -> None:
    report(OURS, took["import"], took["floor"], "ms", "<= 40 ms over the floor")
    print(f"  over the floor: {over(took['import'], took['floor']):.1f} ms", flush=True)
    if "peer's init" not in took:
        print(f"Task.init: {statistics.median(took['init']):.1f} ms  (aim <= 150 ms)", flush=True)
        return
    ours, peers = over(took["import"], took["floor"]), over(took["peer's import"], took["peer's floor"])
    print(f"  `import clearml` over its floor: {peers:.1f} ms, ratio {ours / peers:.3f}", flush=True)
    report("Task.init, beside ClearML's offline one", took["init"], took["peer's init"], "ms", "<= 150 ms")


def over(took: list[float], floor: list[float]) -> float:
    return statistics.median(took) - statistics.median(floor)


def timed(here: Stage, root: Path, *command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=root, env=here.variables, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def init(here: Stage, root: Path, *command: str) -> float:
    """Milliseconds of `Task.init`, as the script itself says; its end is not counted."""
    ran = subprocess.run(command, cwd=root, env=here.variables, check=True, stdout=subprocess.PIPE, text=True)
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("init "))
    return float(line.split()[1])


def clearml(here: Stage) -> str | None:
    """An interpreter that has ClearML, which keeps its files in the stage's folder; None where there is no index."""
    here.variables |= {"HOME": str(here.folder), "CLEARML_CACHE_DIR": str(here.folder / "clearml")}
    uv, folder = str(Path(sys.executable).with_name("uv")), here.folder / "peer"
    python = str(folder / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", python, "clearml"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"ClearML cannot be installed here: {done.stderr.strip()[-200:]}", flush=True)
            return None
    return python


if __name__ == "__main__":
    main()
