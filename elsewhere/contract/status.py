"""The statuses of a task and the moves between them that are legal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Status(str, Enum):
    """Where a task stands. The value is what is stored, printed and compared."""

    CREATED = "created"
    """A draft: nothing will run it until it is enqueued or executed."""
    QUEUED = "queued"
    """Accepted: it stands in a queue and an agent will take it."""
    IN_PROGRESS = "in_progress"
    """One attempt owns it: it is leased to an agent, or runs at a desk."""
    COMPLETED = "completed"
    """The script ended with exit code 0."""
    FAILED = "failed"
    """The script ended otherwise, or could not be run; ``status_message`` says which."""
    STOPPED = "stopped"
    """Somebody asked for its end."""
    PUBLISHED = "published"
    """Ended, and frozen for others to rely on."""
    CLOSED = "closed"
    """Ended by hand, without a verdict."""

    def __str__(self) -> str:
        return self.value

    @property
    def ended(self) -> bool:
        """Whether no attempt will run again unless somebody resets the task."""
        return self in ENDED


ENDED: frozenset[Status] = frozenset(
    {Status.COMPLETED, Status.FAILED, Status.STOPPED, Status.PUBLISHED, Status.CLOSED}
)

LEGAL_MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        # A draft may also run right here: at a desk, or by `agent execute`.
        Status.CREATED: frozenset({Status.QUEUED, Status.IN_PROGRESS, Status.STOPPED, Status.CLOSED}),
        Status.QUEUED: frozenset({Status.IN_PROGRESS, Status.CREATED, Status.STOPPED, Status.FAILED}),
        # Back to `queued` is what happens to the attempt of a box that died.
        Status.IN_PROGRESS: frozenset(
            {Status.QUEUED, Status.COMPLETED, Status.FAILED, Status.STOPPED, Status.CLOSED}
        ),
        Status.COMPLETED: frozenset({Status.CREATED, Status.PUBLISHED, Status.CLOSED}),
        Status.FAILED: frozenset({Status.CREATED, Status.PUBLISHED, Status.CLOSED}),
        Status.STOPPED: frozenset({Status.CREATED, Status.PUBLISHED, Status.CLOSED}),
        Status.CLOSED: frozenset({Status.CREATED, Status.PUBLISHED}),
        Status.PUBLISHED: frozenset(),
    }
)
"""From each status, where a task may go. Every store refuses all other moves."""


def may_move(origin: Status, target: Status) -> bool:
    """Whether the move from ``origin`` to ``target`` is legal."""
    return target in LEGAL_MOVES[origin]
