"""Chooses how the GPUs of this machine are read."""

from __future__ import annotations

import os
from pathlib import Path

from agent.gpu.port import Gpus

RECORDED = "ELSEWHERE_GPUS_RECORDED"
"""Path of recorded readings that stand for this machine's GPUs, where it has none."""


def here() -> Gpus:
    """The GPUs of this machine, by the driver; or by the readings that ``ELSEWHERE_GPUS_RECORDED`` names.

    Without a driver, or without the package that speaks to it, there are none, and ``absence`` says why.

    Raises:
        ConfigurationError: the recorded readings cannot be read.
    """
    path = os.environ.get(RECORDED)
    if path:
        from agent.gpu.recorded import RecordedGpus

        return RecordedGpus(Path(path))
    from agent.gpu.nvml import NvmlGpus

    return NvmlGpus()
