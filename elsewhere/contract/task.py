"""The task as the store holds it, and the log chunks and requests that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Union

from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.terms import Terms

JSONValue = Union[None, bool, int, float, str, "list[JSONValue]", "dict[str, JSONValue]"]
"""A value that JSON can hold."""

Parameters = Mapping[str, JSONValue]
"""Typed values under ``Section/key`` names, such as ``{"Args/lr": 0.1}``."""


@dataclass(frozen=True)
class NewTask:
    """What a desk hands to the store to make a task of."""

    project: str
    name: str
    spec: TaskSpec
    parameters: Parameters = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    """Names in ``parameters`` that somebody set by hand, over what the script says."""
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class TaskRecord:
    """A task at one moment. Times are seconds since the epoch, by the server's clock."""

    id: str
    """32 hexadecimal digits."""
    project: str
    name: str
    status: Status
    spec: TaskSpec
    parameters: Parameters = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    status_message: str = ""
    attempt: int = 0
    """Number of the newest attempt; 0 before the first. It is also the fence."""
    lost_attempts: int = 0
    """Attempts in a row that ended because their agent vanished."""
    agent: str | None = None
    """Name of the agent that owns, or last owned, the newest attempt."""
    queue: str | None = None
    """Queue that the task stands in, or was last taken from."""
    exit_code: int | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    stop: StopRequest | None = None
    """A stop that was asked for and that the attempt has not followed yet."""
    terms: Terms = field(default_factory=Terms)
    retries_used: int = 0
    """How often the script was run again after it had failed."""
    waits_for: str = ""
    """What a queued task waits for before it stands in its queue, in words; "" where nothing."""


@dataclass(frozen=True)
class StopRequest:
    """Somebody's wish that the running attempt ends."""

    by: str
    """Who asked, in words."""
    grace: float | None = None
    """Seconds between SIGTERM and SIGKILL; None leaves it to the agent's configuration."""


LogKind = Literal["output", "live", "note", "end"]


@dataclass(frozen=True)
class LogChunk:
    """A piece of a task's log, in the order in which it was written.

    ``position`` orders all chunks of a task and is what :meth:`Store.read_log` goes on from.
    ``output`` chunks hold the script's bytes, cut anywhere. A ``live`` chunk is the newest state
    of an unfinished line that overwrites itself, such as a progress bar: followers see it, and
    the next chunk of the log takes its place in the store. ``note`` chunks hold a line that an
    agent says; the ``end`` chunk says that nothing follows.
    """

    position: str
    kind: LogKind
    attempt: int
    data: bytes
    time: float
    """Seconds since the epoch, by the server's clock."""
