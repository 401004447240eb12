"""What a run has written and its sink has not got yet: in order, few, and bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from elsewhere.contract.codec import encode_parameters
from elsewhere.contract.write import (
    ConfigurationDeleted,
    ConfigurationSet,
    Edited,
    Happened,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
)
from elsewhere.store.edit_rules import combined

if TYPE_CHECKING:
    from elsewhere.contract.write import Write

MOST_WRITES: Final = 2000
MOST_BYTES: Final = 64 * 1024 * 1024
"""What is kept while no server answers; over it the oldest go."""

_PARAMETERS: Final = (ParametersSet, ParametersReplaced, ParametersDeleted)
_CONFIGURATION: Final = (ConfigurationSet, ConfigurationDeleted)


class Outbox:
    """Writes on their way. Whoever calls holds the lock of the one who owns it.

    Of writes that say the newest of something, such as a progress that is reported a thousand times
    a second, one is kept, where no other write between them can tell the difference.
    """

    def __init__(self, most_writes: int = MOST_WRITES, most_bytes: int = MOST_BYTES) -> None:
        self._most_writes = most_writes
        self._most_bytes = most_bytes
        self._waiting: list[tuple[Write, int]] = []
        self._taken: tuple[Write, ...] = ()
        self._bytes = 0
        self.dropped = 0
        """How many writes were given up because too many waited."""

    def __len__(self) -> int:
        return len(self._taken) + len(self._waiting)

    def put(self, write: Write) -> None:
        """Add a write behind all others, or make one of it and an earlier one."""
        for at in range(len(self._waiting) - 1, -1, -1):
            earlier = self._waiting[at][0]
            one = merged(earlier, write)
            if one is not None:
                self._replace(at, one)
                return
            if not commute(earlier, write):
                break
        size = _size(write)
        self._waiting.append((write, size))
        self._bytes += size
        while self._waiting and (len(self._waiting) > self._most_writes or self._bytes > self._most_bytes):
            self._bytes -= self._waiting.pop(0)[1]
            self.dropped += 1

    def take(self) -> tuple[Write, ...]:
        """All that waits, as one batch: the same again until it was ``sent``."""
        if not self._taken:
            self._taken = tuple(write for write, _ in self._waiting)
            self._waiting.clear()
            self._bytes = 0
        return self._taken

    def sent(self) -> None:
        """The batch is where it was to go."""
        self._taken = ()

    def clear(self) -> None:
        """Forget all of it."""
        self._taken = ()
        self._waiting.clear()
        self._bytes = 0

    def _replace(self, at: int, write: Write) -> None:
        size = _size(write)
        self._bytes += size - self._waiting[at][1]
        self._waiting[at] = (write, size)


def merged(first: Write, then: Write) -> Write | None:
    """One write that does what the two do, one right after the other; None where there is none."""
    if isinstance(first, Edited) and isinstance(then, Edited):
        return Edited(combined(first.edit, then.edit))
    if isinstance(first, ConfigurationSet) and isinstance(then, _CONFIGURATION) and first.name == then.name:
        return then
    if isinstance(first, (ParametersSet, ParametersReplaced)) and isinstance(then, ParametersSet):
        return replace(
            first,
            parameters={**first.parameters, **then.parameters},
            by_hand=tuple(dict.fromkeys((*first.by_hand, *then.by_hand))),
        )
    if isinstance(first, ParametersReplaced) and isinstance(then, ParametersReplaced):
        return then
    if isinstance(first, ParametersDeleted) and isinstance(then, ParametersDeleted):
        return ParametersDeleted(tuple(dict.fromkeys((*first.names, *then.names))))
    return None


def commute(first: Write, then: Write) -> bool:
    """Whether it makes no difference which of the two comes first."""
    if isinstance(first, Happened) or isinstance(then, Happened):
        return type(first) is not type(then)
    if isinstance(first, _CONFIGURATION) and isinstance(then, _CONFIGURATION):
        return first.name != then.name
    for one, other in ((first, then), (then, first)):
        if isinstance(one, Edited) and isinstance(other, _PARAMETERS):
            # What is known of a parameter goes with it.
            return isinstance(other, ParametersSet) or not one.edit.parameter_info
    return type(first) not in _PARAMETERS or type(then) not in _PARAMETERS


def _size(write: Write) -> int:
    """Bytes in memory, roughly."""
    if isinstance(write, ConfigurationSet):
        return 200 + len(write.data)
    if isinstance(write, (ParametersSet, ParametersReplaced)):
        return 200 + len(encode_parameters(write.parameters))
    return 1000
