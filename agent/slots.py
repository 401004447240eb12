"""What this agent has for attempts, who has what of it, and what is left.

There are no fixed sets of GPUs: a task gets those that it needs when it is claimed, out of all
that are free. Why tasks that ask for none may get one: docs/decisions/gpus-on-demand.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from agent import gpu, memory
from agent.config import DaemonConfig
from agent.gpu.device import Device, chosen
from agent.gpu.foreign import Foreign
from agent.gpu.pick import pick
from agent.place import Place
from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.lease import Offer
from elsewhere.contract.spec import Needs


def open_slots(config: DaemonConfig) -> Slots:
    """The account of a daemon that is told this, with nobody in it.

    Raises:
        ConfigurationError: a GPU is not there, or cannot be shared as it is to be.
    """
    total = memory.total()
    if not config.gpus:
        return Slots(config.slots, tags=config.tags, memory_bytes=total)
    gpus = gpu.here()
    devices = chosen(config.gpus, gpus)
    foreign = None
    if config.skip_busy_gpus:
        foreign = Foreign(gpus, [device.uuid for device in devices])
    else:
        gpus.close()
    return Slots(
        config.slots,
        devices,
        config.tags,
        per_gpu=config.slots_per_gpu,
        memory_bytes=total,
        foreign=foreign,
    )


class Slots:
    """The account of one agent. Not thread-safe: the daemon's loop alone uses it.

    Args:
        count: places for tasks that ask for no GPU and see none. Without any, such tasks share the GPUs.
        devices: the GPUs to deal out.
        per_gpu: how many tasks that ask for no GPU share one.
        memory_bytes: the machine's memory; 0 for unknown.
        foreign: who else computes on the GPUs; None does not look.

    Raises:
        ConfigurationError: there is no place for anything, or a GPU is to be shared of which nobody
            knows the memory.
    """

    def __init__(
        self,
        count: int,
        devices: Sequence[Device] = (),
        tags: tuple[str, ...] = (),
        *,
        per_gpu: int = 1,
        memory_bytes: int = 0,
        foreign: Foreign | None = None,
    ) -> None:
        if count < 1 and not devices:
            raise ConfigurationError(
                f"an agent needs at least one slot, not {count}", "Give --slots 1 or more."
            )
        for device in devices:
            if per_gpu > 1 and not device.memory_bytes:
                raise ConfigurationError(
                    f"GPU {device.handle} cannot be shared: its driver does not say how much memory it has",
                    "Leave --slots-per-gpu out.",
                )
        self._count = count
        self._devices = {device.uuid: device for device in devices}
        self._tags = tags
        self._per_gpu = per_gpu
        self._memory_bytes = memory_bytes
        self._foreign = foreign
        self._held: dict[str, Place] = {}

    def __len__(self) -> int:
        """How many tasks that ask for no GPU find a place while nothing else runs, or GPUs are."""
        return self._count + self._per_gpu * len(self._devices)

    @property
    def busy(self) -> int:
        """How many attempts have a place."""
        return len(self._held)

    @property
    def gpus(self) -> int:
        """How many GPUs are dealt out."""
        return len(self._devices)

    @property
    def gpus_free(self) -> int:
        """How many of them nobody uses."""
        return self.offer.gpus

    @property
    def shunned(self) -> frozenset[str]:
        """UUIDs of the GPUs that somebody else uses, or that do not answer."""
        if self._foreign is None:
            return frozenset()
        # An attempt is named after its task: TASK-NUMBER.
        return self._foreign.occupied({attempt.rpartition("-")[0] for attempt in self._held})

    @property
    def offer(self) -> Offer:
        """What one more task may need and still run here."""
        return self._offer(self._held.values())

    @property
    def capacity(self) -> Offer:
        """What it may need to run here when nothing else does."""
        return self._offer(())

    def place_for(self, needs: Needs) -> Place | None:
        """The place that a task with these needs gets now; None where there is none."""
        held = self._held.values()
        room, whole = self._room(held), self._unused(held)
        count, each = max(needs.gpus, 1), needs.gpu_memory_bytes
        if each:
            candidates = [device for device in self._sharable(room) if room[device.uuid] >= each]
        elif needs.gpus:
            candidates = whole
        elif self._lends:
            candidates = self._lendable(room, whole)
        elif self._has_plain_place(held):
            return Place(() if self._devices else None, memory_bytes=needs.memory_bytes)
        else:
            return None
        picked = pick(count, candidates, room)
        if picked is None:
            return None
        if not each and not needs.gpus:
            each = self._share(picked[0])
        return Place(tuple(device.uuid for device in picked), each, needs.memory_bytes)

    def fill(self, attempt: str, place: Place) -> None:
        """Give a place to an attempt, which may be one that an earlier daemon has started.

        What such an attempt holds counts, also when this daemon has less to give, or other GPUs.
        """
        self._held[attempt] = place

    def empty(self, attempt: str) -> None:
        """Take back the place of an attempt that ended."""
        self._held.pop(attempt, None)
        if self._foreign is not None:
            self._foreign.look_again()

    def handles(self, place: Place) -> tuple[str, ...] | None:
        """The GPUs of a place as CUDA or a container engine names them; None leaves the machine's setting."""
        if place.gpus is None:
            return None
        return tuple(self._devices[uuid].handle for uuid in place.gpus)

    @property
    def _lends(self) -> bool:
        """Whether tasks that ask for no GPU are given a share of one."""
        return not self._count

    def _offer(self, held: Collection[Place]) -> Offer:
        room, unused = self._room(held), self._unused(held)
        plain = bool(self._lendable(room, unused)) if self._lends else self._has_plain_place(held)
        memory = self._memory_bytes - sum(place.memory_bytes for place in held)
        return Offer(
            gpus=len(unused),
            tags=self._tags,
            # At least one byte: nothing at all would mean that nobody knows.
            memory_bytes=max(1, memory) if self._memory_bytes else 0,
            gpu_memory=tuple(room[device.uuid] for device in self._sharable(room)),
            without_gpus=plain,
            lends_gpus=self._lends,
        )

    def _within_reach(self) -> list[Device]:
        shunned = self.shunned
        return [device for device in self._devices.values() if device.uuid not in shunned]

    def _unused(self, held: Collection[Place]) -> list[Device]:
        used = {uuid for place in held for uuid in place.gpus or ()}
        return [device for device in self._within_reach() if device.uuid not in used]

    def _room(self, held: Collection[Place]) -> Counter[str]:
        """Bytes of each GPU's memory that nobody holds."""
        room = Counter({uuid: device.memory_bytes for uuid, device in self._devices.items()})
        for place in held:
            for uuid in place.gpus or ():
                room[uuid] -= place.gpu_memory_bytes or room[uuid]
        return room

    def _sharable(self, room: Counter[str]) -> list[Device]:
        return [device for device in self._within_reach() if room[device.uuid] > 0]

    def _lendable(self, room: Counter[str], unused: list[Device]) -> list[Device]:
        """The GPUs that have room for a task that asks for none."""
        if self._per_gpu == 1:
            return unused
        return [device for device in self._sharable(room) if room[device.uuid] >= self._share(device)]

    def _share(self, device: Device) -> int:
        """What such a task holds of the GPU's memory; 0 for the whole GPU."""
        return 0 if self._per_gpu == 1 else device.memory_bytes // self._per_gpu

    def _has_plain_place(self, held: Collection[Place]) -> bool:
        return sum(not place.gpus for place in held) < self._count
