"""From `start`, and from a claim, to the first line in a container. Floor: `docker run` of the same image.

All alternate, on an image that the engine has. Needs an engine: one that runs, or root on Debian, where one of the tests'
own is started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from stage import Stage, report, repository, stage

from elsewhere.contract.spec import TaskSpec
from executors.contract import Container, Launch
from executors.docker import DockerExecutor, Engine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from engine import images
from engine.dockerd import engine as running_engine

ROUNDS = 15
COMMAND = ("python3", "-c", "print('first line')")


def main() -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise SystemExit("the floor is the docker command, which is missing here")
    with running_engine() as url:
        engine = Engine(url)
        image = engine.find(images.base(engine.client), note=print).id
        floor([docker, "--host", url], image)
        launch(engine, image)
        ours, least, lives, floors = [], [], [], []
        for _ in range(ROUNDS):
            first, whole = floor([docker, "--host", url], image)
            least.append(first)
            floors.append(whole)
            first, whole = launch(engine, image)
            ours.append(first)
            lives.append(whole)
        report("container, start to first line", ours, least, "ms", "<= 1.5")
        report("container, start to removed", lives, floors, "ms", "none")
        whole_way([docker, "--host", url], url, image)


def whole_way(docker: list[str], url: str, image: str) -> None:
    """Claim, workspace, environment, container: until the task's script has said something."""
    ours, least = [], []
    with stage() as here:
        here.variables["DOCKER_HOST"] = url
        script = "import time; print('at', time.time(), flush=True)"
        spec = here.spec(repository(here.folder / "repo", files=50, script=script), "main.py")
        with here.agent("--docker", "elsewhere-tests/base:1"):
            from_claim(here, spec)
            for _ in range(ROUNDS):
                least.append(floor(docker, image)[0])
                ours.append(from_claim(here, spec))
    report("container, claim to first line", ours, least, "ms", "<= 1.5")


def from_claim(here: Stage, spec: TaskSpec) -> float:
    store, task = here.store, here.draft(spec)
    store.enqueue(task, "default")
    log = b"".join(chunk.data for chunk in store.follow_log(task) if chunk.kind == "output")
    claimed = next(event.time for event in store.events(task) if event.kind == "claimed")
    return (float(log.split()[1]) - claimed) * 1000


def launch(engine: Engine, image: str) -> tuple[float, float]:
    container = Container(image, ("--network", "none"))
    begun = time.perf_counter()
    running = DockerExecutor(engine).start(Launch(COMMAND, Path("/"), {}, container=container))
    os.read(running.output, 100)
    first = time.perf_counter()
    running.wait()
    running.terminate(0)
    return (first - begun) * 1000, (time.perf_counter() - begun) * 1000


def floor(docker: list[str], image: str) -> tuple[float, float]:
    begun = time.perf_counter()
    with subprocess.Popen(
        [*docker, "run", "--rm", "--network", "none", image, *COMMAND], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = time.perf_counter()
    return (first - begun) * 1000, (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
