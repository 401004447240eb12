"""What goes wrong when: all of it follows from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

AgentKind = Literal[
    "daemon killed",
    "supervisor killed",
    "fork server killed",
    "box killed",
    "daemon frozen",
    "supervisor frozen",
    "box frozen",
]
LineKind = Literal["cut", "black hole", "answers swallowed", "held", "slow"]
ServerKind = Literal["server killed", "server frozen"]
Kind = AgentKind | LineKind | ServerKind


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. Times are seconds."""

    at: float
    """From the beginning of the run."""
    seconds: float
    """Until it is healed: what was killed is started again, what was frozen thaws."""
    kind: Kind
    place: str
    """``agent N``, ``line N`` (from that agent to the server), ``line desk`` or ``server``."""
    pick: float
    """From 0 to 1: which of the agent's supervisors it hits, when there are several."""

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.place:9}  {self.kind} for {self.seconds:.2f} s"


@dataclass(frozen=True)
class _Lane:
    """A place where one thing at a time goes wrong, and how often."""

    place: str
    kinds: tuple[Kind, ...]
    pause: float
    """Seconds from the end of a fault to the next, on average."""


_AGENT: Final[tuple[Kind, ...]] = (
    "daemon killed", "supervisor killed", "fork server killed", "box killed",
    "daemon frozen", "supervisor frozen", "box frozen",
)  # fmt: skip
_LINE: Final[tuple[Kind, ...]] = ("cut", "black hole", "answers swallowed", "held", "slow")
_SERVER: Final[tuple[Kind, ...]] = ("server killed", "server frozen")

# In leases. What is frozen is frozen beyond its lease, since before that nothing is at stake.
_LEASES: Final[dict[Kind, tuple[float, float]]] = {
    "daemon killed": (0.1, 1.5),
    "supervisor killed": (0.0, 0.0),
    "fork server killed": (0.0, 0.0),
    "box killed": (0.2, 2.5),
    "daemon frozen": (1.2, 2.5),
    "supervisor frozen": (1.2, 2.5),
    "box frozen": (1.2, 2.5),
    "cut": (0.1, 2.0),
    "black hole": (0.1, 2.0),
    "answers swallowed": (0.1, 2.0),
    "held": (0.1, 2.0),
    "slow": (0.5, 2.5),
    "server killed": (0.1, 1.3),
    "server frozen": (0.2, 1.6),
}
_QUIET_SECONDS: Final = 2.0
"""At the beginning: something has to run before it can be disturbed."""


def plan(seed: int, seconds: float, *, agents: int, lease: float) -> tuple[Fault, ...]:
    """All faults of a run of so many seconds, in the order in which they begin.

    At one place, a fault begins after the one before it was healed; at different places they
    overlap as they come. All are healed when the run is over.
    """
    lanes = [
        *(_Lane(f"agent {number}", _AGENT, 15.0) for number in range(agents)),
        *(_Lane(f"line {number}", _LINE, 22.0) for number in range(agents)),
        _Lane("line desk", _LINE, 15.0),
        _Lane("server", _SERVER, 28.0),
    ]
    faults = [fault for lane in lanes for fault in _along(lane, seed, seconds, lease)]
    return tuple(sorted(faults, key=lambda fault: (fault.at, fault.place)))


def _along(lane: _Lane, seed: int, seconds: float, lease: float) -> Iterator[Fault]:
    # Of its own, so that one place more changes nothing at the others. Text is hashed the same everywhere.
    chance = random.Random(f"{seed} {lane.place}")
    clock = _QUIET_SECONDS + chance.uniform(0.0, lane.pause)
    while True:
        # Dealt like cards: every kind has come before one comes again.
        for kind in chance.sample(lane.kinds, len(lane.kinds)):
            shortest, longest = _LEASES[kind]
            lasts = chance.uniform(shortest, longest) * lease
            if clock + lasts > seconds:
                return
            yield Fault(round(clock, 3), round(lasts, 3), kind, lane.place, chance.random())
            clock += lasts + lane.pause * chance.uniform(0.5, 1.5)
