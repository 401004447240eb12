"""A machine of its own for each test, and a disk that fills."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
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
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "elsewhere-test", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("this user cannot mount a small file system to fill")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
