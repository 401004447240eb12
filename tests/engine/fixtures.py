"""Fixtures of the container engine; ``tests/conftest.py`` makes them known to every folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from engine import images
from engine.dockerd import NoEngine, engine

if TYPE_CHECKING:
    from docker import APIClient

FIRST_TIME_SECONDS = 900
"""The first run installs an engine and makes a Debian; the others wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with an engine the time that setting it up takes the first time."""
    for item in items:
        if "engine_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(FIRST_TIME_SECONDS))


@pytest.fixture(scope="session")
def engine_url() -> Iterator[str]:
    """URL of a real engine; the test is skipped, saying why, where there can be none."""
    try:
        with engine() as url:
            yield url
    except NoEngine as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def engine_client(engine_url: str) -> Iterator[APIClient]:
    """A client of that engine, of the library's own."""
    import docker

    client = docker.APIClient(engine_url, version="auto", timeout=300)
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(engine_client: APIClient) -> str:
    """Name of an image with ``python3``, its venv and git."""
    return _made(images.base, engine_client)


@pytest.fixture(scope="session")
def tiny_image(engine_client: APIClient) -> str:
    """Name of an image with a shell and without Python."""
    return _made(images.tiny, engine_client)


@pytest.fixture(scope="session")
def shellless_image(engine_client: APIClient) -> str:
    """Name of an image that holds ``/bin/busybox`` alone."""
    return _made(images.shellless, engine_client)


def _made(make: images.Maker, client: APIClient) -> str:
    try:
        return make(client)
    except NoEngine as reason:
        pytest.skip(str(reason))
