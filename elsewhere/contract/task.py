"""The task as the store holds it, and the log chunks and requests that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from elsewhere.contract.edit import ParameterInfo, Property
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.terms import Terms
from elsewhere.contract.value import JSONValue as JSONValue
from elsewhere.contract.value import Parameters as Parameters

USUAL_TYPE = "training"
"""What kind of run a task is where nobody says."""


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
    type: str = USUAL_TYPE
    """What kind of run it is, in a word."""
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    """Tags that Elsewhere itself gives meaning to, such as ``archived``."""
    comment: str = ""
    parent: str | None = None
    """Id of the task that this one came of, such as the one it is a clone of; it is not waited for."""
    properties: Mapping[str, Property] = field(default_factory=dict)
    parameter_info: Mapping[str, ParameterInfo] = field(default_factory=dict)
    """What is known of parameters beside their values, by the same names."""


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
    type: str = USUAL_TYPE
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    comment: str = ""
    parent: str | None = None
    progress: float | None = None
    """Percent; None where nobody said."""
    updated: float = 0.0
    """When its status, its parameters, its configurations or what is edited by hand last changed."""
    properties: Mapping[str, Property] = field(default_factory=dict)
    parameter_info: Mapping[str, ParameterInfo] = field(default_factory=dict)


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
