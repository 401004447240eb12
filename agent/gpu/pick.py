"""Which GPUs a task gets, where several would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from agent.gpu.device import Device

_Rank = tuple[int, int, int, int, tuple[int, ...]]


def pick(count: int, candidates: Sequence[Device], room: Mapping[str, int]) -> tuple[Device, ...] | None:
    """The best ``count`` of the candidates, in their order; None where there are fewer.

    Those that talk to one another fastest come first: over NVLink, then on one NUMA node. Among
    equals those with the least room left, so that large tasks still find some (best fit), and
    then those with the fewest neighbours, so that groups which belong together stay whole.
    ``room`` has the bytes that can still be had of each candidate, by UUID.
    """
    if len(candidates) < count:
        return None
    # Not every combination, of which 8 of 16 have 12,870: each group grows from one by what fits it best.
    groups = [_grown(start, count, candidates, room) for start in range(len(candidates))]
    best = min(groups, key=lambda group: _rank(group, candidates, room))
    return tuple(candidates[index] for index in best)


def _grown(start: int, count: int, candidates: Sequence[Device], room: Mapping[str, int]) -> tuple[int, ...]:
    group: tuple[int, ...] = (start,)
    while len(group) < count:
        larger = [tuple(sorted((*group, index))) for index in range(len(candidates)) if index not in group]
        group = min(larger, key=lambda indices: _rank(indices, candidates, room))
    return group


def _rank(group: tuple[int, ...], candidates: Sequence[Device], room: Mapping[str, int]) -> _Rank:
    devices = [candidates[index] for index in group]
    nodes = {device.numa_node for device in devices}
    linked = {peer for device in devices for peer in device.peers}
    others = [device for index, device in enumerate(candidates) if index not in group]
    return (
        sum(b.uuid not in a.peers for a, b in combinations(devices, 2)),
        len(nodes),
        sum(room[device.uuid] for device in devices),
        sum((device.numa_node in nodes) + (device.uuid in linked) for device in others),
        group,
    )
