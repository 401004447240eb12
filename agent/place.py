"""What one attempt holds of its machine, so that nobody else is given the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One attempt's part of an agent. It is kept in the attempt's state folder, for the next daemon."""

    gpus: tuple[str, ...] | None = None
    """UUIDs of its GPUs; None where the agent deals out none, so that the machine's own setting holds."""
    gpu_memory_bytes: int = 0
    """What it holds of the memory of each of them; 0 holds them whole."""
    memory_bytes: int = 0
    """What it said that it needs of the machine's memory."""
