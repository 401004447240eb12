"""Machines with GPUs, as they were read and as somebody would like to have them."""

from __future__ import annotations

import pytest

from agent.gpu import Gpu, GpuProcess

GIB = 1024**3


@pytest.fixture
def readings() -> tuple[Gpu, ...]:
    """One that tells all, and one that tells little."""
    return (
        Gpu(
            0, "GPU-0a", "NVIDIA A100", 80 * GIB, 3 * GIB, 61.0, 55.0, 250.5, None, ("GPU-1b",),
            (GpuProcess(17, 2 * GIB), GpuProcess(18, None)),
        ),
        Gpu(1, "GPU-1b", "NVIDIA A100", 80 * GIB, 0, None, None, None, None, ("GPU-0a",), ()),
        Gpu(2, "GPU-2c", "NVIDIA T4", 16 * GIB, GIB),
    )  # fmt: skip
