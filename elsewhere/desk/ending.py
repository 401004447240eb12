"""How a run at a desk ended: a value, whoever found it out."""

from __future__ import annotations

from dataclasses import dataclass

from elsewhere.contract.status import Status


@dataclass(frozen=True)
class Ending:
    """What a task that ran at a desk is moved to, and what there is to say of it."""

    status: Status
    """One of those in which a task has ended."""
    message: str = ""
    """How it came to that, in words; "" where nothing needs to be said."""
    exit_code: int | None = None
    """What the process ended with; None where nobody knows, or where it has not ended."""
    tail: str = ""
    """The last lines of the traceback, where an exception ended it."""

    @property
    def text(self) -> str:
        """All that there is to say, as the task's status message."""
        return "\n".join(filter(None, (self.message, self.tail)))
