"""The GPUs that an agent deals out: which of the machine's, and what a task is told of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from agent.gpu.port import Gpu, Gpus
from elsewhere.contract.errors import ConfigurationError

ALL = "all"


@dataclass(frozen=True)
class Device:
    """One GPU that an agent deals out."""

    uuid: str
    handle: str
    """What ``CUDA_VISIBLE_DEVICES``, or a container engine, calls it."""
    memory_bytes: int = 0
    """0 where the driver does not say; such a GPU cannot be shared by its memory."""
    numa_node: int | None = None
    peers: tuple[str, ...] = ()
    """UUIDs of the GPUs that it reaches over NVLink."""


def chosen(words: Sequence[str], gpus: Gpus) -> tuple[Device, ...]:
    """The GPUs that the words name: numbers, UUIDs, beginnings of UUIDs, or ``all``; by number.

    ``all`` leaves out what the agent's own ``CUDA_VISIBLE_DEVICES`` hides, as under a batch system
    that dealt them out before. A number is what tasks are told, too, for programs that read nothing else.

    Raises:
        ConfigurationError: there is none of that name, or none at all; the message says why.
    """
    there = gpus.look()
    if not there:
        raise ConfigurationError(
            f"this machine has no GPUs to deal out: {gpus.absence or 'none of them answers'}",
            "Mend that, or leave --gpus out.",
        )
    if tuple(words) == (ALL,):
        visible = [gpu for gpu in there if _is_visible(gpu)]
        if not visible:
            raise ConfigurationError(
                "--gpus all: CUDA_VISIBLE_DEVICES hides every GPU of this machine",
                "Unset it where the agent is started.",
            )
        return tuple(_device(gpu, by_number=True) for gpu in visible)
    found: dict[str, Device] = {}
    for word in words:
        for gpu in _named(word, there):
            if gpu.uuid in found:
                raise ConfigurationError(
                    f"--gpus: {word} is a GPU that was named already", "Name each GPU once."
                )
            found[gpu.uuid] = _device(gpu, by_number=word.isdecimal())
    return tuple(found[gpu.uuid] for gpu in there if gpu.uuid in found)


def _named(word: str, there: Sequence[Gpu]) -> list[Gpu]:
    """The GPU of that name; the MIG instances of one that is cut into such share its number."""
    if word.isdecimal():
        named = [gpu for gpu in there if gpu.index == int(word)]
    else:
        named = [gpu for gpu in there if gpu.uuid.startswith(word)]
        if len(named) > 1:
            raise ConfigurationError(f"--gpus: {word} begins several UUIDs", "Give more of it.")
    if not named:
        known = ", ".join(f"{gpu.index} ({gpu.uuid})" for gpu in there)
        raise ConfigurationError(f"--gpus: this machine has no GPU {word}", f"It has {known}.")
    return named


def _is_visible(gpu: Gpu) -> bool:
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return True
    words = [word.strip() for word in told.split(",")]
    return any(word == str(gpu.index) or (word and gpu.uuid.startswith(word)) for word in words)


def _device(gpu: Gpu, *, by_number: bool) -> Device:
    # A MIG instance has no number that CUDA knows.
    handle = str(gpu.index) if by_number and not gpu.uuid.startswith("MIG-") else gpu.uuid
    return Device(gpu.uuid, handle, gpu.memory_total, gpu.numa_node, gpu.peers)
