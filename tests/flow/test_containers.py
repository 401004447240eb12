"""Tasks in containers, from a submit at a desk to the log: a real daemon, a real engine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import psutil
import pytest
from flow.world import AGENT, Box, World, eventually, witness_of

if TYPE_CHECKING:
    from docker import APIClient

REPORTS = dedent(
    """
    import argparse, os
    from pathlib import Path
    from elsewhere import Task

    task = Task.init("boxes", "reporting")
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    arguments = parser.parse_args()
    print("lr is", arguments.lr, "of", task.id, flush=True)
    print("namespace", str(Path("/proc/self/ns/pid").readlink()), flush=True)
    open("made.txt", "w").write("made")
    print("owner", os.stat("made.txt").st_uid, os.getuid(), flush=True)
    try:
        import socket
        socket.create_connection(("127.0.0.1", 1), 1)
    except OSError as error:
        print("no network:", sorted(os.listdir("/sys/class/net")), flush=True)
    """
)
WAITS = dedent(
    """
    import sys, time
    from pathlib import Path

    print("begun", flush=True)
    gate = Path(sys.argv[1])
    for number in range(3000):
        if gate.exists():
            break
        time.sleep(0.02)
    print("last words", flush=True)
    sys.exit(int(sys.argv[2]))
    """
)


@pytest.fixture
def contained(world: World, engine_url: str) -> World:
    """A world whose agents find the tests' engine."""
    world.settings["DOCKER_HOST"] = engine_url
    # Tasks may look into the test's folder, where their gates are.
    world.settings["ELSEWHERE_DOCKER_ALLOWED_MOUNTS"] = str(world.folder)
    return world


@pytest.fixture
def containers(engine_client: APIClient) -> Iterator[_Containers]:
    found = _Containers(engine_client)
    yield found
    found.remove()


class _Containers:
    """The containers of one test's tasks."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        self._tasks: set[str] = set()

    def of(self, task: str) -> list[dict[str, object]]:
        self._tasks.add(task)
        return list(self._client.containers(all=True, filters={"label": f"elsewhere.task={task}"}))

    def remove(self) -> None:
        for task in list(self._tasks):
            for container in self.of(task):
                with contextlib.suppress(Exception):
                    self._client.remove_container(container["Id"], force=True)


def test_a_task_runs_in_the_agents_image_with_its_parameters_and_no_network(
    contained: World, base_image: str, containers: _Containers
) -> None:
    """The Relay is enough: parameters come in, reports go out, files belong to the agent."""
    root = contained.repository(main__py=REPORTS)
    contained.box("--docker", base_image, "--docker-args", "--network=none")
    task = contained.submit(root, "main.py", options=("--param", "Args/lr=0.25"))
    shown = contained.wait_for(task, "completed", timeout=180)
    log = contained.log(task)
    assert f"lr is 0.25 of {task}" in log
    assert str(Path("/proc/self/ns/pid").readlink()) not in log
    assert f"owner {os.getuid()} {os.getuid()}" in log
    assert "no network: ['lo']" in log
    assert shown["built"]["image"].startswith("sha256:")
    eventually(lambda: not containers.of(task), 30, "its container to be removed")


def test_a_tasks_own_image_counts_also_on_an_agent_that_uses_none_by_itself(
    contained: World, base_image: str
) -> None:
    root = contained.repository(main__py="import os; print(os.readlink('/proc/self/ns/pid'))\n")
    contained.box()
    inside = contained.submit(root, "main.py", options=("--docker", base_image))
    outside = contained.submit(root, "main.py")
    contained.wait_for(inside, "completed", timeout=180)
    contained.wait_for(outside, "completed", timeout=180)
    here = str(Path("/proc/self/ns/pid").readlink())
    assert here not in contained.log(inside)
    assert here in contained.log(outside)


@pytest.mark.parametrize(("code", "status"), [(0, "completed"), (7, "failed")])
def test_the_exit_code_of_a_container_survives_its_supervisor(
    contained: World, base_image: str, containers: _Containers, code: int, status: str
) -> None:
    """Seen failing with `InEngine.exit` answering None: it ran again, as attempt 2."""
    box = contained.box("--docker", base_image)
    gate = contained.folder / "gate"
    root = contained.repository(main__py=WAITS)
    task = contained.submit(
        root, "main.py", str(gate), str(code), options=_sees(base_image, contained.folder)
    )
    supervisor = _supervisor_of(contained, box, task)
    supervisor.suspend()
    gate.touch()
    eventually(lambda: _states(containers, task) == ["exited"], 60, "the container to end")
    supervisor.kill()
    shown = contained.wait_for(task, status, timeout=120)
    assert (shown["exit_code"], shown["attempt"]) == (code, 1)
    assert "last words" in contained.log(task)
    eventually(lambda: not containers.of(task), 60, "its container to be removed")


def test_a_container_ends_with_its_supervisor_and_witness(
    contained: World, base_image: str, containers: _Containers
) -> None:
    """Nobody is left to renew the lease: two containers of one task must not run side by side.

    Seen failing with the switch told nothing: the container ran on.
    """
    box = contained.box("--docker", base_image, "--heartbeat", "1", "--lease", "8")
    root = contained.repository(main__py=WAITS)
    task = contained.submit(
        root, "main.py", str(contained.folder / "gate"), "0", options=_sees(base_image, contained.folder)
    )
    supervisor = _supervisor_of(contained, box, task)
    (first,) = containers.of(task)
    for process in [*witness_of(supervisor), supervisor]:
        process.kill()
    eventually(lambda: first["Id"] not in _running(containers, task), 20, "the first container to end")
    eventually(lambda: contained.show(task)["attempt"] == 2, 60, "the task to be taken again")
    (contained.folder / "gate").touch()
    assert contained.wait_for(task, "completed", timeout=120)["attempt"] == 2
    eventually(lambda: not containers.of(task), 60, "both containers to be removed")


def test_a_stop_ends_the_container_with_grace(
    contained: World, base_image: str, containers: _Containers
) -> None:
    contained.box("--docker", base_image)
    root = contained.repository(
        main__py="import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), sys.exit(0)))\n"
        "print('begun', flush=True)\ntime.sleep(120)\n"
    )
    task = contained.submit(root, "main.py")
    eventually(lambda: "begun" in contained.log(task), 120, "its first line")
    contained.agent("stop", task)
    contained.wait_for(task, "stopped", timeout=60)
    assert "asked" in contained.log(task)
    eventually(lambda: not containers.of(task), 30, "its container to be removed")


def test_a_killed_daemon_leaves_its_containers_running(
    contained: World, base_image: str, containers: _Containers
) -> None:
    box = contained.box("--docker", base_image, name="phoenix")
    gate = contained.folder / "gate"
    root = contained.repository(main__py=WAITS)
    task = contained.submit(root, "main.py", str(gate), "0", options=_sees(base_image, contained.folder))
    eventually(lambda: "begun" in contained.log(task), 120, "its first line")
    before = _running(containers, task)
    box.kill()
    contained.box("--docker", base_image, name="phoenix")
    assert _running(containers, task) == before
    gate.touch()
    assert contained.wait_for(task, "completed", timeout=120)["attempt"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--docker", "tiny"), "Python"),
        (("--docker", "no-such-image:at-all"), "no-such-image"),
        (("--docker", "base", "--docker-args=--privileged"), "--privileged"),
        (("--docker", "base", "--docker-args=-v /etc:/host"), "allowed_mounts"),
        (("--docker", "base", "--docker-args=--network=host"), "allow_host_network"),
    ],
)
def test_what_cannot_or_may_not_be_never_runs_and_says_why(
    contained: World, base_image: str, tiny_image: str, options: tuple[str, ...], words: str
) -> None:
    names = {"tiny": tiny_image, "base": base_image}
    contained.box()
    root = contained.repository(main__py="print('ran')\n")
    task = contained.submit(root, "main.py", options=tuple(names.get(word, word) for word in options))
    shown = contained.wait_for(task, "failed", timeout=180)
    assert "never ran" in shown["status_message"]
    assert words in shown["status_message"]
    assert "ran\n" not in contained.log(task)


def test_a_setup_script_runs_before_the_command_and_its_failure_is_not_the_scripts(
    contained: World, base_image: str
) -> None:
    contained.box("--docker", base_image)
    root = contained.repository(main__py="import os; print('value', os.environ['FROM_SETUP'])\n")
    good, bad = contained.folder / "good.sh", contained.folder / "bad.sh"
    good.write_text("export FROM_SETUP=yes\necho preparing\n")
    bad.write_text("echo preparing\nfalse\necho unreached\n")
    ready = contained.submit(root, "main.py", options=("--docker", base_image, "--setup-script", str(good)))
    broken = contained.submit(root, "main.py", options=("--docker", base_image, "--setup-script", str(bad)))
    contained.wait_for(ready, "completed", timeout=180)
    assert "value yes" in contained.log(ready)
    shown = contained.wait_for(broken, "failed", timeout=120)
    assert "never ran" in shown["status_message"]
    assert "setup script" in shown["status_message"]


def test_a_dead_engine_is_told_when_the_daemon_starts(world: World, tmp_path: Path) -> None:
    done = _daemon(world, tmp_path, "--docker", "any:image")
    assert done.returncode not in (0, None)
    assert "engine" in done.stderr.lower()


def _daemon(world: World, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AGENT), "daemon", "--once", *options],
        env=world.environment | {"DOCKER_HOST": f"unix://{folder}/none.sock"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def _sees(image: str, folder: Path) -> tuple[str, ...]:
    """Options of a submit whose container can look into the test's folder."""
    return ("--docker", image, f"--docker-args=-v {folder}:{folder}")


def _supervisor_of(world: World, box: Box, task: str) -> psutil.Process:
    eventually(lambda: "begun" in world.log(task), 120, "its first line")
    (supervisor,) = box.supervisors()
    return supervisor


def _states(containers: _Containers, task: str) -> list[object]:
    return [container["State"] for container in containers.of(task)]


def _running(containers: _Containers, task: str) -> list[object]:
    return [container["Id"] for container in containers.of(task) if container["State"] == "running"]
