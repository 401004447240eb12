"""Boxes whose agents are started with more in their environment than a desk has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flow.world import World


class EquippedWorld(World):
    """The same server and home as ``world``, seen with further environment variables."""

    def __init__(self, world: World, variables: dict[str, str]) -> None:
        super().__init__(world.url, world.home, world.folder)
        self._variables = variables

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self._variables


@contextmanager
def equipped(world: World, **variables: str) -> Iterator[EquippedWorld]:
    """Boxes made of what is yielded have ``variables``; they are gone after the block."""
    boxes = EquippedWorld(world, variables)
    try:
        yield boxes
    finally:
        boxes.close()
