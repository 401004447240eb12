"""Fault 21: the package index is down, and comes back; or stays down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.altered import with_requirement
from faults.conftest import Recorder
from faults.equipment import EquippedWorld, equipped
from faults.wheels import PackageIndex, make_wheel
from flow.world import World, eventually


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    make_wheel(tmp_path / "wheels", "remote")
    index = PackageIndex(tmp_path / "wheels")
    yield index
    index.down()


@pytest.fixture
def boxes(world: World, index: PackageIndex, tmp_path: Path) -> Iterator[EquippedWorld]:
    """Agents that know this index alone, and have nothing of it in their cache."""
    with equipped(
        world, UV_DEFAULT_INDEX=index.url, UV_CACHE_DIR=str(tmp_path / "cache"), PIP_FIND_LINKS="",
        UV_HTTP_RETRIES="0", ELSEWHERE_INDEX_PATIENCE="20",
    ) as boxes:  # fmt: skip
        yield boxes


def _task(world: World, queue: str = "default") -> str:
    script = "import remote\nprint('the package says', remote.WORD)\n"
    template = world.submit(world.repository(main__py=script), "main.py", options=("--queue", "nobody"))
    return with_requirement(world, template, "remote==1.0", queue)


@pytest.mark.fault(21)
def test_an_index_that_comes_back_is_waited_for(
    world: World, boxes: EquippedWorld, index: PackageIndex, figure: Recorder
) -> None:
    """The installation is tried again, later each time, and the task's log says so.

    Seen failing with ``Patient`` trying once: never ran (environment).
    """
    index.down()
    task = _task(world)
    boxes.box()
    eventually(lambda: "trying again in" in world.log(task), 60, "the log to tell of the index")
    assert world.show(task)["status"] == "in_progress"
    index.up()
    back = time.monotonic()
    shown = world.wait_for(task, "completed")
    seconds = time.monotonic() - back
    assert shown["attempt"] == 1
    assert "the package says installed" in world.log(task)
    figure(
        fault=21,
        promise="package index down, then back: tried again with growing pauses, and the task completes",
        seconds=seconds,
        measured="index back to the task's end",
    )


@pytest.mark.fault(21)
def test_an_index_that_stays_down_fails_the_task_as_never_run(
    world: World, boxes: EquippedWorld, index: PackageIndex, figure: Recorder
) -> None:
    """After the patience of the agent the task ends, and what the installer said is told.

    Seen failing with a patience without end: the task was still in progress after a minute.
    """
    index.down()
    task = _task(world)
    boxes.box()
    began = time.monotonic()
    shown = world.wait_for(task, "failed", timeout=90)
    seconds = time.monotonic() - began
    assert "never ran (environment)" in shown["status_message"]
    assert "package index" in shown["status_message"]
    assert shown["exit_code"] is None
    assert "trying again in" in world.log(task)
    figure(
        fault=21,
        promise="package index down for good: `never ran (environment)`, with the installer's words",
        seconds=seconds,
        measured="agent's start to the task's end, with a patience of 20 s",
    )


@pytest.mark.fault(21)
def test_a_package_that_no_index_has_is_told_at_once(
    world: World, boxes: EquippedWorld, index: PackageIndex
) -> None:
    """Waiting is for indexes that do not answer, not for answers that nobody likes.

    Seen failing with every failure of the installer waited out: the log told of trying again.
    """
    template = _task(world, queue="nobody-at-all")
    task = with_requirement(world, template, "elsewhere-has-no-such-package==9.9")
    boxes.box()
    shown = world.wait_for(task, "failed")
    assert "elsewhere-has-no-such-package" in shown["status_message"]
    assert "trying again in" not in world.log(task)
