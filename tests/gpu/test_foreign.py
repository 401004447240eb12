"""Who computes on a GPU: real processes, and readings that name them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.gpu import Gpu, GpuProcess
from agent.gpu.foreign import Foreign
from agent.gpu.recorded import RecordedGpus, write

OURS = "a" * 32
# Tells its pid, and stays until nobody holds its stdin any more.
STAY = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
CHILD_WITHOUT_ENVIRONMENT = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STAY!r}], env={{}})"
)


@pytest.fixture
def start() -> Iterator[Callable[..., int]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str = STAY, task: str | None = None) -> int:
        environment = {name: value for name, value in os.environ.items() if name != "ELSEWHERE_TASK_ID"}
        if task:
            environment["ELSEWHERE_TASK_ID"] = task
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield run
    for process in started:
        process.communicate(timeout=20)


@pytest.fixture
def occupied(tmp_path: Path) -> Callable[..., set[str]]:
    def look(*processes: int | None, tasks: tuple[str, ...] = (OURS,)) -> set[str]:
        known = tuple(GpuProcess(pid) for pid in processes if pid is not None)
        gpu = Gpu(0, "GPU-0", processes=None if None in processes else known)
        write(tmp_path / "gpus.json", [[gpu]])
        return set(Foreign(RecordedGpus(tmp_path / "gpus.json"), ["GPU-0"]).occupied(tasks))

    return look


def test_a_gpu_on_which_nobody_computes_is_free(occupied: Callable[..., set[str]]) -> None:
    assert occupied() == set()


def test_a_gpu_on_which_somebody_else_computes_is_not(
    start: Callable[..., int], occupied: Callable[..., set[str]]
) -> None:
    assert occupied(start()) == {"GPU-0"}
    assert occupied(start(task=OURS), start(task="b" * 32)) == {"GPU-0"}


def test_what_our_own_attempts_compute_is_not_foreign(
    start: Callable[..., int], occupied: Callable[..., set[str]]
) -> None:
    assert occupied(start(task=OURS)) == set()
    assert occupied(start(CHILD_WITHOUT_ENVIRONMENT, task=OURS)) == set()


def test_what_an_attempt_left_behind_counts_until_it_is_gone(
    start: Callable[..., int], occupied: Callable[..., set[str]]
) -> None:
    assert occupied(start(task=OURS), tasks=()) == {"GPU-0"}


def test_a_process_that_cannot_be_looked_into_is_foreign(occupied: Callable[..., set[str]]) -> None:
    assert occupied(2**22 + 1) == {"GPU-0"}


def test_where_the_driver_does_not_tell_who_computes_nobody_does(occupied: Callable[..., set[str]]) -> None:
    assert occupied(None) == set()


def test_a_gpu_that_does_not_answer_any_more_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "gpus.json"
    write(
        path,
        [[Gpu(0, "GPU-0", processes=()), Gpu(1, "GPU-1", processes=())], [Gpu(0, "GPU-0", processes=())]],
    )
    foreign = Foreign(RecordedGpus(path), ["GPU-0", "GPU-1"])
    assert foreign.occupied(()) == set()
    assert foreign.occupied(()) == set(), "a reading is believed for a while"
    foreign.look_again()
    assert foreign.occupied(()) == {"GPU-1"}
