"""The command line as people run it: a process of its own, with a home and a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore

GENEROUS_SECONDS = 60


@dataclass
class Command:
    """Runs `agent` in a folder and an environment of its own."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [sys.executable, "-m", "elsewhere._enter", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=GENEROUS_SECONDS,
        )

    def json(self, *words: str) -> Any:
        """The JSON that it prints; it must succeed and keep stdout to that."""
        ended = self(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def start(self, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Start it and go on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "elsewhere._enter", *words],
            cwd=self.folder,
            env=self.environment,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        )
        self.started.append(process)
        return process


@pytest.fixture
def agent(tmp_path: Path, valkey_url: str) -> Iterator[Command]:
    """`agent`, with a database that nobody else uses."""
    folder = tmp_path / "desk"
    folder.mkdir()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {"ELSEWHERE_HOME": str(tmp_path / "home"), "ELSEWHERE_REDIS_URL": valkey_url, "COLUMNS": "200"}
    command = Command(folder, {**inherited, "PYTHONDONTWRITEBYTECODE": "1", **own})
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def store(valkey_url: str) -> Iterator[RedisStore]:
    """The store behind the command."""
    opened = RedisStore(valkey_url)
    yield opened
    opened.close()


@pytest.fixture
def new_task() -> NewTask:
    """A task such as a desk sends."""
    return NewTask(
        project="digits",
        name="svm",
        spec=TaskSpec(entry=Entry(script="train.py", arguments=("--C", "0.5"))),
        parameters={"Args/C": 0.5, "Args/kernel": "rbf"},
        overrides=("Args/C",),
    )
