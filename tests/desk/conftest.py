"""Real scripts at a desk that is a git repository, and the server that their runs are kept on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk


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
def url(valkey_url: str, elsewhere_home: Path) -> str:
    return valkey_url


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    """What the server holds."""
    kept = RedisStore(url)
    yield kept
    kept.close()
