"""A machine of its own for each test, and a disk that fills."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.small_disk import small_disk as mounted_disk
from janitor.machine import Machine

from agent.state import ProcessMark


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "home")
    yield machine
    for process in machine.others:
        process.kill()
        process.join()


@pytest.fixture
def dead() -> ProcessMark:
    """A process that was."""
    process = subprocess.Popen(["sleep", "60"])
    mark = ProcessMark.of(process.pid)
    assert mark is not None
    process.kill()
    process.wait()
    return mark


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for sixteen MiB."""
    with mounted_disk(tmp_path / "small", 16) as folder:
        yield folder
