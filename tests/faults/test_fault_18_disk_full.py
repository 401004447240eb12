"""Fault 18: the disk is full: when a task is cloned, checked out, built, begun, and while it prints."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from faults.altered import with_requirement
from faults.conftest import Recorder
from faults.equipment import equipped
from faults.processes import told
from faults.server import OwnServer
from faults.small_disk import fill, small_disk, used_bytes
from faults.wheels import make_wheel
from flow.world import World, eventually

MIB = 1024 * 1024

CHATTY = """
import sys
print("begun", flush=True)
for number in range(int(sys.argv[1])):
    print("line", number, "x" * 99_000, flush=True)
print("the end", flush=True)
"""


@pytest.fixture
def lone(own_server: OwnServer, tmp_path: Path) -> Iterator[World]:
    """A world with a home of its own."""
    folder = tmp_path / "lone"
    folder.mkdir()
    world = World(own_server.url, tmp_path / "home", folder)
    yield world
    world.close()


@pytest.fixture
def disk(lone: World) -> Iterator[Callable[[str, int], Path]]:
    """Mounts a disk of so many megabytes in the home; unmounted when every process is gone."""
    with ExitStack() as mounted:
        yield lambda place, megabytes: mounted.enter_context(small_disk(lone.home / place, megabytes))
        lone.close()


def _large_repository(world: World) -> Path:
    root = world.repository("large", main__py="print('ran')\n")
    with (root / "large.bin").open("wb") as file, Path("/dev/urandom").open("rb") as random:
        file.write(random.read(12 * MIB))
    world.commit(root)
    return root


def _runs_a_small_task(world: World) -> None:
    world.wait_for(
        world.submit(world.repository("small", main__py="print('small')\n"), "main.py"), "completed"
    )


@pytest.mark.fault(18)
@pytest.mark.parametrize("place", ["cache/repositories", "cache/workspaces"])
def test_a_disk_that_is_too_small_for_the_tree_fails_the_task_and_names_the_path(
    lone: World, disk: Callable[[str, int], Path], place: str, figure: Recorder
) -> None:
    """What was half cloned or checked out is removed, and the next task runs on the same disk.

    Seen failing with the removal of what failed switched off (``remove`` in ``rebuild`` and in the
    supervisor; ``Repository._sweep``): the disk stayed full.
    """
    folder = disk(place, 6)
    task = lone.submit(_large_repository(lone), "main.py")
    lone.box()
    began = time.monotonic()
    shown = lone.wait_for(task, "failed")
    seconds = time.monotonic() - began
    assert "never ran (workspace)" in shown["status_message"]
    assert "no space is left on the disk" in shown["status_message"]
    assert str(folder) in shown["status_message"]
    assert shown["exit_code"] is None
    assert used_bytes(folder) < MIB, sorted(folder.rglob("*"))
    _runs_a_small_task(lone)
    figure(
        fault=18,
        promise="disk full while cloning or checking out: `never ran (workspace)` with the path, nothing left",
        seconds=seconds,
        measured="agent's start to the task's end",
    )


@pytest.mark.fault(18)
def test_a_disk_that_is_too_small_for_the_environment_fails_the_task_and_names_the_path(
    lone: World, disk: Callable[[str, int], Path], figure: Recorder
) -> None:
    """What was half installed is removed, and the next task runs on the same disk.

    Seen failing with ``_clear`` after a failed build switched off: the skeleton was left.
    """
    folder = disk("cache/environments", 6)
    wheels = lone.folder / "wheels"
    make_wheel(wheels, "fat", payload=12 * MIB)
    cache = lone.folder / "uv-cache"
    template = lone.submit(lone.repository(main__py="import fat\n"), "main.py", options=("--queue", "nobody"))
    task = with_requirement(lone, template, "fat==1.0")
    with equipped(
        lone, UV_FIND_LINKS=str(wheels), PIP_FIND_LINKS="", UV_NO_INDEX="1", UV_CACHE_DIR=str(cache)
    ) as boxes:
        boxes.box()
        began = time.monotonic()
        shown = lone.wait_for(task, "failed")
        seconds = time.monotonic() - began
        assert "never ran (environment)" in shown["status_message"]
        assert "no space is left on the disk" in shown["status_message"]
        assert str(folder) in shown["status_message"]
        assert used_bytes(folder) < 2 * MIB, sorted(folder.iterdir())
        assert not list(folder.glob("*/pyvenv.cfg"))
        _runs_a_small_task(lone)
    figure(
        fault=18,
        promise="disk full while installing: `never ran (environment)` with the path, nothing left",
        seconds=seconds,
        measured="agent's start to the task's end",
    )


@pytest.mark.fault(18)
def test_a_disk_that_is_full_before_anything_begins_fails_the_task_and_names_the_path(
    lone: World, disk: Callable[[str, int], Path], figure: Recorder
) -> None:
    """Without room for its own state no attempt begins, and the task says so; the agent goes on.

    Seen failing with the commit in the supervisor's ``_refuse`` switched off: three attempts were lost
    one after the other, and the task ended as poisoned.
    """
    folder = disk("state", 6)
    box = lone.box("--heartbeat", "0.5", "--lease", "3")
    filler = fill(folder, 0)
    began = time.monotonic()
    task = lone.submit(lone.repository(main__py="print('ran')\n"), "main.py")
    shown = lone.wait_for(task, "failed")
    seconds = time.monotonic() - began
    assert "never ran" in shown["status_message"]
    assert "no space is left on the disk" in shown["status_message"]
    assert str(folder) in shown["status_message"]
    assert shown["attempt"] == 1
    filler.unlink()
    _runs_a_small_task(lone)
    assert box.drain() == 0
    assert not list((folder / "agents" / box.name / "attempts").iterdir())
    figure(
        fault=18,
        promise="disk full before an attempt can begin: `never ran` with the path, and no attempt is lost",
        seconds=seconds,
        measured="submit to the task's end",
    )


@pytest.mark.fault(18)
def test_a_disk_that_is_full_for_a_while_holds_the_script_up_and_loses_nothing_of_its_log(
    lone: World, disk: Callable[[str, int], Path], figure: Recorder
) -> None:
    """The journal waits for room, and the script with it; then all goes on, complete and in order.

    Seen failing with the pump's patience set to nothing: the script ran on without its log.
    """
    folder = disk("state", 48)
    lone.box()
    filler = fill(folder, 4 * MIB)
    task = lone.submit(lone.repository(main__py=CHATTY), "main.py", "120")
    told(lone, task, r"line (10) ")
    eventually(lambda: used_bytes(folder) > 47 * MIB, 30, "the disk to be full")
    assert lone.show(task)["status"] == "in_progress"
    filler.unlink()
    freed = time.monotonic()
    shown = lone.wait_for(task, "completed")
    seconds = time.monotonic() - freed
    log = lone.log(task)
    assert re.findall(r"^line (\d+) x", log, re.MULTILINE) == [str(number) for number in range(120)]
    assert "the end" in log
    assert "missing" not in shown["status_message"]
    figure(
        fault=18,
        promise="disk full under a script that prints: it waits; with room again its log is complete",
        seconds=seconds,
        measured="room again to the task's end",
    )


@pytest.mark.fault(18)
@pytest.mark.slow_fault
def test_a_disk_that_stays_full_gives_up_the_rest_of_the_log_and_says_so(
    lone: World, disk: Callable[[str, int], Path], figure: Recorder
) -> None:
    """After a minute the script goes on without its log, and the task names the path.

    Seen failing with the pump's failure not told by ``Attempt._explain``: completed, not a word.
    """
    folder = disk("state", 8)
    lone.box()
    task = lone.submit(lone.repository(main__py=CHATTY), "main.py", "300")
    began = time.monotonic()
    shown = lone.wait_for(task, "completed", timeout=150)
    seconds = time.monotonic() - began
    assert "the rest of the log is missing" in shown["status_message"]
    assert str(folder) in shown["status_message"]
    assert "line 10 " in lone.log(task)
    figure(
        fault=18,
        promise="disk full for good under a script that prints: it ends, and the task says that the log is cut",
        seconds=seconds,
        measured="submit to the task's end, a minute of patience included",
    )
