"""Shapes of repositories: each function makes one, in the state in which a user would submit it.

A shape is made at a bench and returns the desk whose tree is captured. Its name is its promise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.capture.conftest import Desk

    from .conftest import Bench

Shape = Callable[["Bench"], "Desk"]
SHAPES: list[Shape] = []
LFS_SHAPES: list[Shape] = []


def shape(make: Shape) -> Shape:
    """One that every machine can make."""
    SHAPES.append(make)
    return make


def lfs_shape(make: Shape) -> Shape:
    """One that needs git-lfs."""
    LFS_SHAPES.append(make)
    return make
