"""The places on this agent where attempts can run, and what each of them offers."""

from __future__ import annotations

from dataclasses import dataclass

from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.lease import Offer


@dataclass(frozen=True)
class Slot:
    """One place: its number, and the GPUs that belong to it."""

    index: int
    gpus: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def offer(self) -> Offer:
        """What a task may need and still run here."""
        return Offer(gpus=len(self.gpus), tags=self.tags)


class Slots:
    """All places of one agent. Not thread-safe: the daemon's loop alone uses it."""

    def __init__(self, count: int, gpus: tuple[str, ...], tags: tuple[str, ...]) -> None:
        if count < 1:
            raise ConfigurationError(
                f"an agent needs at least one slot, not {count}", "Give --slots 1 or more."
            )
        self._slots = [Slot(index, gpus[index::count], tags) for index in range(count)]
        self._busy: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def busy(self) -> int:
        """How many places have an attempt."""
        return len(self._busy)

    @property
    def free(self) -> list[Slot]:
        """The places without one."""
        return [slot for slot in self._slots if slot.index not in self._busy]

    def fill(self, index: int, attempt: str) -> None:
        """Give place ``index`` to an attempt; a number beyond the last one is counted as busy, too.

        That happens when a daemon is restarted with fewer slots than it has attempts.
        """
        self._busy[index] = attempt

    def empty(self, attempt: str) -> None:
        """Take back the place of an attempt that ended."""
        self._busy = {index: name for index, name in self._busy.items() if name != attempt}
