"""Which GPUs a task gets, where several would do."""

from __future__ import annotations

import pytest

from agent.gpu.device import Device
from agent.gpu.pick import pick

GIB = 1024**3


def box(*nodes: int | None, links: dict[int, tuple[int, ...]] | None = None) -> list[Device]:
    """A machine with a GPU on each of these NUMA nodes."""
    return [
        Device(f"u{index}", str(index), 80 * GIB, node, tuple(f"u{peer}" for peer in (links or {}).get(index, ())))
        for index, node in enumerate(nodes)
    ]  # fmt: skip


def picked(count: int, devices: list[Device], room: dict[str, int] | None = None) -> str | None:
    chosen = pick(count, devices, room or {device.uuid: device.memory_bytes for device in devices})
    return None if chosen is None else "".join(device.handle for device in chosen)


TWO_NODES = box(0, 0, 0, 0, 1, 1, 1, 1)
PAIRS = box(0, 0, 0, 0, links={0: (2,), 2: (0,), 1: (3,), 3: (1,)})


@pytest.mark.parametrize(
    ("count", "devices", "handles"),
    [
        (1, TWO_NODES, "0"),
        (4, TWO_NODES, "0123"),
        # On one node, and where the fewest stay behind: the larger group stays whole.
        (2, [TWO_NODES[index] for index in (1, 2, 3, 6, 7)], "67"),
        (3, [TWO_NODES[index] for index in (0, 1, 4, 5, 6)], "456"),
        (1, [TWO_NODES[index] for index in (0, 1, 2, 5)], "5"),
        # No node has enough.
        (5, TWO_NODES, "01234"),
        (8, TWO_NODES, "01234567"),
        (9, TWO_NODES, None),
        (1, [], None),
        # Those with a bridge between them, and none out of a pair when a single one will do.
        (2, PAIRS, "02"),
        (2, PAIRS[1:], "13"),
        (1, PAIRS[1:], "2"),
        # Nobody knows.
        (2, box(None, None, None), "01"),
    ],
)
def test_gpus_that_are_near_one_another_are_picked_together(
    count: int, devices: list[Device], handles: str | None
) -> None:
    assert picked(count, devices) == handles


def test_the_gpu_with_the_least_room_that_will_do_is_picked() -> None:
    devices = box(0, 0, 0)
    assert picked(1, devices, {"u0": 80, "u1": 30, "u2": 50}) == "1"
    assert picked(2, devices, {"u0": 80, "u1": 30, "u2": 50}) == "12"
