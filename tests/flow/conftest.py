"""One world a test: its own database, a home shared by the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.world import World


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all flow tests of a worker: environments and repositories are built once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def world(request: pytest.FixtureRequest, shared_home: Path, tmp_path: Path) -> Iterator[World]:
    """On the embedded Valkey; a test may ask for the system's Redis by an indirect parameter."""
    server = {"valkey": "valkey", "redis": "debian_redis"}[getattr(request, "param", "valkey")]
    world = World(request.getfixturevalue(server).fresh_url(), shared_home, tmp_path)
    yield world
    world.close()
