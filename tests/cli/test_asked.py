"""What a submit asks for over what was captured reaches the task, or is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from elsewhere.contract.spec import Image, Needs


@pytest.fixture
def folder(agent: Any) -> Path:
    """A lone script's folder, and a repository of no commit, so that files travel."""
    import subprocess

    folder: Path = agent.folder
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "train.py").write_text("")
    (folder / "needs.txt").write_text("six\n")
    (folder / "prepare.sh").write_text("echo ready\n")
    return folder


def test_all_of_it_reaches_the_task(agent: Any, store: Any, folder: Path) -> None:
    (folder / "runs").mkdir()
    ended = agent(
        "submit", "--json", "--requirements", "needs.txt", "--no-build-isolation", "flash-attn", "--docker",
        "python:3.12", "--docker-args", "--shm-size 8g --label 'a b'", "--setup-script", "prepare.sh", "--env",
        "HF_HOME=/data=1", "--env", "EMPTY=", "--gpus", "2", "--gpu-memory", "10GiB", "--memory", "32GiB",
        "train.py",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    spec = store.get(json.loads(ended.stdout)["id"]).spec
    packages = spec.packages
    assert (packages.origin, packages.requirements_files) == ("requirements", ("needs.txt",))
    assert packages.no_build_isolation == ("flash-attn",)
    assert spec.image == Image("python:3.12", ("--shm-size", "8g", "--label", "a b"), "echo ready\n")
    assert spec.needs == Needs(gpus=2, memory_bytes=32 * 1024**3, gpu_memory_bytes=10 * 1024**3)
    assert spec.entry.variables == ("HF_HOME=/data=1", "EMPTY=")


def test_asked_for_nothing_the_agent_chooses(agent: Any, store: Any, folder: Path) -> None:
    spec = store.get(json.loads(agent("submit", "--json", "train.py").stdout)["id"]).spec
    assert (spec.packages.origin, spec.image, spec.needs) == ("", None, Needs())


@pytest.mark.parametrize(
    "words",
    [
        ("--packages", "pip"), ("--packages", "lock", "--requirements", "needs.txt"),
        ("--requirements", "missing.txt"), ("--requirements", "/etc/passwd"), ("--docker-args", "--shm-size 8g"),
        ("--docker", "a b"), ("--docker", "x", "--docker-args", "'"), ("--docker", "x", "--setup-script", "no.sh"),
        ("--env", "LD_PRELOAD=x"), ("--env", "NAME"), ("--gpu-memory", "much"), ("--memory", "0"),
        ("--no-build-isolation", "torch>=2"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_before_anything_is_sent(
    agent: Any, store: Any, folder: Path, words: tuple[str, ...]
) -> None:
    ended = agent("submit", *words, "train.py")
    assert ended.returncode == 2, ended.stderr
    assert store.newest() == []
