"""What every way to read the GPUs of this machine promises. Its test suite is ``tests/gpu``.

``agent.gpu.here()`` chooses one. A reading is cheap enough for every few seconds (a few
milliseconds a GPU), too dear for every claim; it may be taken from several threads. What is
opened is not for a forked child: the child asks ``here()`` for its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class GpuProcess:
    """One process that computes on a GPU; those that only draw a desktop are not told."""

    pid: int
    memory_bytes: int | None = None
    """Memory of the GPU that it holds; None where the driver does not say."""


@dataclass(frozen=True)
class Gpu:
    """One GPU at one moment. None stands wherever the driver does not say."""

    index: int
    """Its number in the order of the PCI bus, as ``nvidia-smi`` shows it."""
    uuid: str
    """Its name for ever, such as ``GPU-5a3c…``."""
    name: str = ""
    """What kind it is, such as ``NVIDIA H200``."""
    memory_total: int = 0
    """Bytes."""
    memory_used: int = 0
    """Bytes, of everybody together, the driver included."""
    utilisation: float | None = None
    """Percent of the last moment in which something was computed: 0 to 100."""
    temperature: float | None = None
    """Degrees Celsius."""
    power: float | None = None
    """Watts."""
    numa_node: int | None = None
    """The node of processors and memory that it is attached to."""
    peers: tuple[str, ...] = ()
    """UUIDs of the GPUs that it reaches over NVLink; none where nobody says."""
    processes: tuple[GpuProcess, ...] | None = None
    """Who computes on it, by process id of this machine; () says that nobody does."""


class Gpus(Protocol):
    """The GPUs of this machine."""

    @property
    def absence(self) -> str:
        """Why ``look`` finds none, in a sentence without a full stop; "" where it can find some."""
        ...

    def look(self) -> tuple[Gpu, ...]:
        """A reading of each GPU, by index. It never raises.

        A GPU that stopped answering, such as one that fell off the bus, is left out.
        """
        ...

    def close(self) -> None:
        """Let go of the driver; safe to repeat. ``look`` finds nothing afterwards."""
        ...
