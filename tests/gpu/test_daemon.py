"""Real daemons that deal out recorded GPUs to real scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from flow.world import AGENT, World, eventually

from agent.gpu import Gpu, GpuProcess
from agent.gpu.recorded import write
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import AgentInfo, list_agents

GIB = 1024**3
FAST = ("--heartbeat", "0.5", "--lease", "4")

SCRIPT = dedent(
    """
    import os, sys, time
    with open(sys.argv[1] + "." + os.environ["ELSEWHERE_TASK_ID"], "w") as told:
        told.write("sees " + os.environ.get("CUDA_VISIBLE_DEVICES", "everything") + ".")
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.05)
    """
)


class Machine(World):
    """A world whose machine has the GPUs of a recording."""

    @property
    def recording(self) -> Path:
        return self.folder / "gpus.json"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"ELSEWHERE_GPUS_RECORDED": str(self.recording)}

    def has(self, *gpus: Gpu) -> None:
        write(self.recording, [gpus])

    def sees(self, task: str, gate: Path) -> str:
        """What the script that waits for this gate was told; it runs by then."""
        told = gate.with_name(f"{gate.name}.{task}")
        return eventually(lambda: told.exists() and re.fullmatch(r"sees (.*)\.", told.read_text()), 60)[1]

    def status(self, task: str) -> str:
        with connect(self.url) as connection:
            return RedisStore(connection).get(task).status.value

    def worker(self) -> AgentInfo:
        with connect(self.url) as connection:
            (worker,) = list_agents(connection)
        return worker


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def machine(valkey: Any, home: Path, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(valkey.fresh_url(), home, tmp_path)
    machine.has(*(Gpu(index, f"GPU-{index}", memory_total=80 * GIB, processes=()) for index in range(3)))
    yield machine
    machine.close()


@pytest.fixture
def root(machine: Machine) -> Path:
    return machine.repository(wait__py=SCRIPT)


def test_tasks_see_the_gpus_that_they_asked_for(machine: Machine, root: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    machine.box("--gpus", "all", *FAST)
    plain = machine.submit(root, "wait.py", str(gate))
    assert machine.sees(plain, gate) == "0"
    pair = machine.submit(root, "wait.py", str(gate), options=("--gpus", "2"))
    assert machine.sees(pair, gate) == "1,2"
    eventually(lambda: machine.worker().gpus_free == 0)
    assert machine.worker().gpus == 3
    assert "0/3" in machine.agent("workers").stdout
    gate.touch()
    eventually(lambda: machine.worker().gpus_free == 3)


def test_with_slots_of_their_own_tasks_that_ask_for_none_see_none(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    machine.box("--gpus", "GPU-1", "--slots", "1", *FAST)
    tasks = [machine.submit(root, "wait.py", str(gate), options=options) for options in ((), ("--gpus", "1"))]
    assert [machine.sees(task, gate) for task in tasks] == ["", "GPU-1"]


def test_a_restarted_daemon_gives_nobody_what_a_living_attempt_holds(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    first_gate, second_gate = tmp_path / "first", tmp_path / "second"
    killed = machine.box("--gpus", "all", *FAST, name="box")
    first = machine.submit(root, "wait.py", str(first_gate), options=("--gpus", "2"))
    assert machine.sees(first, first_gate) == "0,1"
    killed.kill()
    machine.box("--gpus", "all", *FAST, name="box")
    eventually(lambda: machine.worker().gpus_free == 1)
    second = machine.submit(root, "wait.py", str(second_gate), options=("--gpus", "2"))
    third = machine.submit(root, "wait.py", str(second_gate), options=("--gpus", "1"))
    assert machine.sees(third, second_gate) == "2"
    assert machine.status(second) == "queued"
    first_gate.touch()
    assert machine.sees(second, second_gate) == "0,1"
    assert machine.status(first) == "completed"
    second_gate.touch()


def test_a_gpu_on_which_somebody_else_computes_is_left_alone(
    machine: Machine, root: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        process = GpuProcess(other.pid, GIB)
        machine.has(Gpu(0, "GPU-0", processes=(process,)), Gpu(1, "GPU-1", processes=()))
        box = machine.box("--gpus", "all", "--skip-busy-gpus", *FAST)
        tasks = [machine.submit(root, "wait.py", str(gate)) for _ in range(2)]
        assert machine.sees(tasks[0], gate) == "1"
        assert "GPU-0" in box.log.read_text()
        assert machine.status(tasks[1]) == "queued"
        other.communicate(b"\n")
    machine.has(Gpu(0, "GPU-0", processes=()), Gpu(1, "GPU-1", processes=()))
    assert machine.sees(tasks[1], gate) == "0"
    gate.touch()


def test_a_gpu_that_is_not_there_is_told_before_anything_is_served(machine: Machine) -> None:
    done = machine.agent("daemon", "--gpus", "0,7", check=False)
    assert done.returncode == 2
    assert "this machine has no GPU 7" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_agent_is_told_why_there_are_no_gpus(machine: Machine) -> None:
    environment = machine.environment
    del environment["ELSEWHERE_GPUS_RECORDED"]
    code = (
        "import pynvml, runpy, sys\n"
        "def no_library(): raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)\n"
        f"pynvml.nvmlInit = no_library; sys.argv = ['agent', 'daemon', '--gpus', 'all']\n"
        f"runpy.run_path({str(AGENT)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "this machine has no GPUs to deal out: NVIDIA's driver does not answer" in done.stderr
