"""`server`: the embedded one, started by whoever needs it, stopped when asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A home whose embedded server is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    yield folder
    run(folder, "server", "stop")
    shutil.rmtree(folder)


def run(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "ELSEWHERE_HOME": str(home), **more}
    return subprocess.run(
        [sys.executable, "-m", "elsewhere._enter", *words],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_it_is_started_by_the_first_who_needs_it_and_stopped_by_hand(home: Path) -> None:
    assert json.loads(run(home, "server", "status", "--json").stdout)["state"] == "stopped"
    assert run(home, "list", "--json").stdout == "[]\n"
    status = json.loads(run(home, "server", "status", "--json").stdout)
    assert status["state"] == "ready"
    assert json.loads(run(home, "server", "start", "--json").stdout)["pid"] == status["pid"]
    words = run(home, "server", "status").stdout
    assert status["url"] in words
    assert str(status["pid"]) in words
    assert run(home, "server", "stop").stdout == "the embedded server is stopped\n"
    assert run(home, "server", "stop").stdout == "the embedded server does not run\n"


def test_another_server_in_the_settings_is_pointed_out(home: Path) -> None:
    ended = run(home, "server", "status", ELSEWHERE_REDIS_URL="redis://127.0.0.1:1")
    assert ended.returncode == 0
    assert "names another server" in ended.stderr
