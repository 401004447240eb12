"""A desk of its own for each test, and one that is a git repository."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Runs scripts in a folder that is gone with the test."""
    return Desk(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Desk:
    """Runs scripts in a repository named `digits`, with one commit."""
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "README").write_text("digits\n")
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return Desk(folder)


@pytest.fixture
def server(valkey_url: str, elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisStore]:
    """A server of the test's own, which this process's settings name."""
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", valkey_url)
    opened = RedisStore(valkey_url)
    yield opened
    opened.close()
