"""Fault 25: a task is cancelled in each phase of its life."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from faults.altered import with_requirement
from faults.conftest import Recorder
from faults.equipment import equipped
from faults.processes import gone, told
from faults.proxy import FaultProxy
from faults.wheels import PackageIndex, make_wheel
from flow.world import Box, World, eventually

RAN = "print('it ran', flush=True)\n"

AT_A_WORD = """
import os, sys, time
print("pid", os.getpid(), flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
"""


def _cancel(world: World, task: str) -> tuple[dict[str, Any], float]:
    """Cancel it; how it stands when it has ended, and how many seconds that took."""
    began = time.monotonic()
    world.agent("stop", task, "--grace", "1")
    shown = world.wait_for(task, "stopped", "completed", timeout=30)
    return shown, time.monotonic() - began


def _keep(figure: Recorder, phase: str, seconds: float) -> None:
    figure(
        fault=25,
        promise="a cancel is followed in each phase, and leaves nothing running",
        seconds=seconds,
        measured=f"`agent stop` to the task's end, {phase}",
    )


def _left_nothing(box: Box) -> None:
    """Nothing of any attempt is left on the box, which goes on to run the next task."""
    world = box.world
    after = world.submit(world.repository("after", main__py=RAN), "main.py")
    world.wait_for(after, "completed")
    assert box.drain() == 0
    assert not list((world.home / "state" / "agents" / box.name / "attempts").glob("*"))


@pytest.mark.fault(25)
def test_a_task_that_is_cancelled_in_its_queue_never_runs(world: World, figure: Recorder) -> None:
    """It is stopped at once, and no agent takes it.

    Seen failing with ``request_stop.lua`` leaving queued tasks to their attempt: it stayed queued.
    """
    task = world.submit(world.repository(main__py=RAN), "main.py")
    shown, seconds = _cancel(world, task)
    assert (shown["status"], shown["attempt"]) == ("stopped", 0)
    box = world.box()
    _left_nothing(box)
    assert world.show(task)["attempt"] == 0
    assert "it ran" not in world.log(task)
    _keep(figure, "queued", seconds)


@contextmanager
def _stopped(process: psutil.Process) -> Iterator[None]:
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@pytest.mark.fault(25)
def test_a_task_that_is_cancelled_between_claim_and_start_never_runs(world: World, figure: Recorder) -> None:
    """Its supervisor finds the wish before it begins.

    Seen failing with ``renew.lua`` not handing the pending stop on: it ran, and completed.
    """
    box = world.box()
    # Once it has run something, it waits for nothing but the next claim.
    world.wait_for(world.submit(world.repository("before", main__py=RAN), "main.py"), "completed")
    daemon = psutil.Process(box.process.pid)
    # What forks supervisors is the daemon's one child; stopped, it holds the claim where it is.
    (fork_server,) = eventually(lambda: [c for c in daemon.children() if c.children() == []], 20)
    with _stopped(fork_server):
        task = world.submit(world.repository(main__py=RAN), "main.py")
        eventually(lambda: world.show(task)["status"] == "in_progress", 30, "the claim")
        world.agent("stop", task, "--grace", "1")
        assert world.show(task)["status"] == "in_progress"
    began = time.monotonic()
    shown = world.wait_for(task, "stopped", timeout=30)
    assert shown["attempt"] == 1
    assert "it ran" not in world.log(task)
    _keep(figure, "claimed (from the start of its supervisor)", time.monotonic() - began)
    _left_nothing(box)


@pytest.mark.fault(25)
def test_a_task_that_is_cancelled_while_its_tree_is_rebuilt_never_runs(
    world: World, tmp_path: Path, figure: Recorder
) -> None:
    """Git is ended, and what it had made is removed.

    Seen failing with the ending of a rebuild's children switched off: the cancel waited for git.
    """
    pids = tmp_path / "pids"
    slow_git = tmp_path / "bin" / "git"
    slow_git.parent.mkdir()
    slow_git.write_text(
        f'#!/bin/sh\necho $$ >> {pids}\n[ -e {tmp_path}/quick ] || sleep 25\nexec {_real_git()} "$@"\n'
    )
    slow_git.chmod(0o755)
    task = world.submit(world.repository(main__py=RAN), "main.py")
    with equipped(world, PATH=f"{slow_git.parent}{os.pathsep}{os.environ['PATH']}") as boxes:
        box = boxes.box()
        eventually(lambda: pids.exists() and pids.read_text().strip(), 30, "git to be started")
        shown, seconds = _cancel(world, task)
        assert shown["status"] == "stopped"
        assert "it ran" not in world.log(task)
        eventually(lambda: gone(map(int, pids.read_text().split())), 10, "git to be gone")
        eventually(lambda: not list((world.home / "cache" / "workspaces").glob(f"{shown['id']}*")), 10)
        _keep(figure, "workspace", seconds)
        (tmp_path / "quick").touch()
        _left_nothing(box)


def _real_git() -> str:
    found = shutil.which("git")
    assert found is not None
    return found


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    make_wheel(tmp_path / "wheels", "remote")
    index = PackageIndex(tmp_path / "wheels")
    yield index
    index.down()


def _hangs(index: PackageIndex) -> None:
    index.delay = 25.0


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("trouble", "sign"),
    [
        pytest.param(_hangs, None, id="installing"),
        pytest.param(PackageIndex.down, "trying again in 8 s", id="waiting-for-the-index"),
    ],
)
def test_a_task_that_is_cancelled_while_its_environment_is_built_never_runs(
    world: World,
    tmp_path: Path,
    index: PackageIndex,
    trouble: Callable[[PackageIndex], None],
    sign: str | None,
    figure: Recorder,
) -> None:
    """The installer is ended, or the wait for an index; what was half built is removed.

    Seen failing with ``Stop.sleep`` deaf to a stop: the cancel waited for the next try; and with the
    ending of a rebuild's children switched off: it waited for the installer.
    """
    trouble(index)
    template = world.submit(world.repository(main__py=RAN), "main.py", options=("--queue", "nobody"))
    task = with_requirement(world, template, "remote==1.0")
    cache = str(tmp_path / "cache")
    with equipped(
        world, UV_DEFAULT_INDEX=index.url, UV_CACHE_DIR=cache, PIP_FIND_LINKS="", UV_HTTP_RETRIES="0"
    ) as boxes:
        box = boxes.box()
        if sign is None:
            assert index.asked.wait(60), "the installer was to ask the index"
        else:
            eventually(lambda: sign in world.log(task), 60, "the log to tell of the index")
        shown, seconds = _cancel(world, task)
        assert shown["status"] == "stopped"
        assert "it ran" not in world.log(task)
        assert seconds < 7, "the cancel waited for the next try"
        _left_nothing(box)
    _keep(figure, f"environment ({'installing' if sign is None else 'waiting for the index'})", seconds)


@pytest.mark.fault(25)
def test_a_task_that_is_cancelled_while_it_runs_is_asked_and_ends(world: World, figure: Recorder) -> None:
    """Its script gets SIGTERM, and its whole tree is gone.

    Seen failing with the stop in a ``Renewal`` not followed: it ran on.
    """
    script = "import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(600)\n"
    task = world.submit(world.repository(main__py=script), "main.py")
    box = world.box()
    pids = told(world, task, r"pid (\d+)")
    shown, seconds = _cancel(world, task)
    assert (shown["status"], shown["exit_code"]) == ("stopped", None)
    assert gone(pids)
    _keep(figure, "running", seconds)
    _left_nothing(box)


@pytest.mark.fault(25)
def test_a_cancel_that_comes_after_the_scripts_end_leaves_it_its_own_outcome(
    world: World, far: World, proxy: FaultProxy, figure: Recorder
) -> None:
    """The script has completed, but the line is silent before its agent can say so.

    Seen failing with the outcome judged at the commit instead of at the script's end: stopped.
    """
    word = world.folder / "word"
    task = world.submit(world.repository(main__py=AT_A_WORD), "main.py", str(word))
    box = far.box()
    pids = told(world, task, r"pid (\d+)")
    proxy.hold()
    word.touch()
    attempts = world.home / "state" / "agents" / box.name / "attempts"
    eventually(lambda: list(attempts.glob("*/outcome.json")), 20, "the outcome to be kept")
    world.agent("stop", task, "--grace", "1")
    assert world.show(task)["status"] == "in_progress"
    proxy.restore()
    began = time.monotonic()
    shown = world.wait_for(task, "completed", timeout=30)
    assert (shown["attempt"], shown["exit_code"]) == (1, 0)
    assert gone(pids)
    _keep(figure, "finishing (its own outcome stands; from the line's return)", time.monotonic() - began)
    _left_nothing(box)
