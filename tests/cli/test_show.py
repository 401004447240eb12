"""`show`: what an attempt really had beside what was asked for, and what it took."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.cli._package_view import PackageRow, compare
from agent.monitor import titles
from elsewhere.contract.built import Built
from elsewhere.contract.series import Points, Scalars
from elsewhere.contract.spec import Image, Packages
from elsewhere.contract.task import NewTask

ASKED = Packages(
    "3.11",
    requirements=(
        "numpy==2.0.1",
        "Torch_Vision>=0.15",
        "gone==1.0; python_version > '3'",
        "own @ git+ssh://h/r",
    ),
    freeze=("numpy==1.0", "scipy==1.11.0", "unused==3.0"),
)
BUILT = Built(
    "0123456789abcdef",
    "3.11.9",
    ("numpy==2.0.1+cpu", "own==0.1", "scipy==1.11.0", "surprise==9.0", "torch-vision==0.16"),
    "sha256:" + "f" * 64,
)
ROWS = [
    PackageRow("gone", "==1.0", "", "missing"),
    PackageRow("numpy", "==2.0.1", "==2.0.1+cpu", "differs"),
    PackageRow("own", "@ git+ssh://h/r", "==0.1", ""),
    PackageRow("scipy", "==1.11.0", "==1.11.0", ""),
    PackageRow("surprise", "", "==9.0", "not recorded"),
    PackageRow("torch-vision", ">=0.15", "==0.16", ""),
]


@pytest.fixture
def task_id(store: Any, new_task: NewTask) -> str:
    spec = replace(new_task.spec, packages=ASKED, image=Image("cuda:12"))
    created: str = store.create(replace(new_task, spec=spec)).id
    return created


def test_each_package_is_told_beside_what_was_asked_for() -> None:
    assert compare(ASKED, BUILT) == ROWS


def test_the_environment_of_an_attempt_is_a_line(agent: Any, store: Any, task_id: str) -> None:
    assert "environment" not in agent("show", task_id).stdout.split("events")[0]
    store.set_built(task_id, BUILT)
    shown = agent("show", task_id).stdout
    assert f"environment  0123456789ab, Python 3.11.9, 5 packages, image {BUILT.image}" in shown


def test_packages_are_a_table_with_the_differences_marked(agent: Any, store: Any, task_id: str) -> None:
    before = agent("show", task_id, "--packages")
    assert (before.returncode, before.stdout) == (0, "")
    assert "no attempt" in before.stderr
    store.set_built(task_id, BUILT)
    lines = [line.split() for line in agent("show", task_id, "--packages").stdout.splitlines()]
    assert lines[0] == ["package", "asked", "for", "built", "difference"]
    assert ["python", "3.11", "3.11.9", "-"] in lines
    assert ["image", "cuda:12", BUILT.image, "-"] in lines
    assert ["numpy", "==2.0.1", "==2.0.1+cpu", "differs"] in lines
    assert ["gone", "==1.0", "-", "missing"] in lines
    assert len(lines) == 3 + len(ROWS)
    store.set_built(task_id, replace(BUILT, python="3.12.1"))
    assert "python        3.11             3.12.1" in agent("show", task_id, "--packages").stdout


def test_json_holds_what_was_built_and_what_was_taken(agent: Any, store: Any, task_id: str) -> None:
    nothing = agent.json("show", task_id)
    assert nothing["built"] is None
    assert nothing["resources"] == {"peak_memory_bytes": None, "mean_cpu_percent": None}
    store.set_built(task_id, BUILT)
    points = Points.of([(0, 2.0 * 2**30, 1.0), (5, 3.0 * 2**30, 2.0)])
    store.add_scalars(task_id, [Scalars(titles.MEMORY, titles.RSS, points)])
    load = Points.of([(0, 100.0, 1.0), (5, 300.0, 2.0)])
    store.add_scalars(task_id, [Scalars(titles.CPU, titles.PERCENT, load)])
    shown = agent.json("show", task_id)
    assert (shown["built"]["environment"], shown["built"]["python"]) == (BUILT.environment, "3.11.9")
    assert shown["built"]["packages"][1] == {
        "name": "numpy", "asked": "==2.0.1", "built": "==2.0.1+cpu", "difference": "differs",
    }  # fmt: skip
    assert shown["resources"] == {"peak_memory_bytes": 3.0 * 2**30, "mean_cpu_percent": 200.0}
    assert "resources    peak memory 3.0 GiB, mean CPU 200 %" in agent("show", task_id).stdout
    # The true size is preferred to the one that counts shared pages again.
    store.add_scalars(task_id, [Scalars(titles.MEMORY, titles.PSS, Points.of([(0, 2.0**30, 1.0)]))])
    assert "peak memory 1.0 GiB" in agent("show", task_id).stdout
