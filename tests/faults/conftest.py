"""Fault tests: a world each, a server that may be killed, a proxy to it, and what was measured."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from faults.figures import Figure, keep
from faults.proxy import FaultProxy
from faults.server import OwnServer
from flow.world import Box, World

_boxes = itertools.count(1)


class FaultWorld(World):
    """A world whose boxes never share a name: what one has left behind is not for the next to find."""

    def box(self, *options: str, name: str | None = None, queue: str = "default") -> Box:
        return super().box(*options, name=name or f"fault-{os.getpid()}-{next(_boxes)}", queue=queue)


class Recorder(Protocol):
    """Keeps a figure of the running test.

    Args:
        fault: its number in the matrix.
        promise: what is promised under it, for the table.
        seconds: what was measured; or, with a unit, a number of that.
        measured: from when to when, or what was counted.
    """

    def __call__(
        self, *, fault: int, promise: str, seconds: float, measured: str, unit: str = "s"
    ) -> None: ...


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Recorder:
    """Keep what this test measured, where ELSEWHERE_FIGURES names a file for it."""
    test = f"{request.path.name}::{request.node.originalname}"

    def record(*, fault: int, promise: str, seconds: float, measured: str, unit: str = "s") -> None:
        marks = {number for mark in request.node.iter_markers("fault") for number in mark.args}
        assert fault in marks, f"the test is marked for {sorted(marks)}, and measures fault {fault}"
        keep(Figure(fault, promise, measured, seconds, unit, test))

    return record


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all fault tests of a worker: environments and repositories are built once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def worlds(shared_home: Path, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """Makes worlds around a URL; one made for a proxy's URL has boxes on the far side of it."""
    made: list[World] = []

    def make(url: str) -> World:
        folder = tmp_path / f"world-{len(made)}"
        folder.mkdir()
        made.append(FaultWorld(url, shared_home, folder))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A server of this test alone, with its append-only file on: to be killed, filled, flushed."""
    server = OwnServer()
    yield server
    server.close()


@pytest.fixture
def world(own_server: OwnServer, worlds: Callable[[str], World]) -> World:
    """A desk beside the server; its boxes are beside it, too."""
    return worlds(own_server.url)


@pytest.fixture
def proxy(own_server: OwnServer) -> Iterator[FaultProxy]:
    """A bad line to the server."""
    with FaultProxy(own_server.socket) as proxy:
        yield proxy


@pytest.fixture
def far(proxy: FaultProxy, worlds: Callable[[str], World]) -> World:
    """A second world on the same server, whose boxes are at the end of the bad line."""
    return worlds(proxy.url())
