"""Where a desk's run is kept: the end that all its writes go to, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from elsewhere.contract.errors import ServerUnreachable

if TYPE_CHECKING:
    from elsewhere.contract.task import NewTask, TaskRecord
    from elsewhere.contract.write import ConfigurationSet, Write
    from elsewhere.desk.ending import Ending

How = Literal["new", "reset", "continue"]
"""What becomes of the task: a new one is made, an old one begins anew, or an old one goes on."""


@dataclass(frozen=True)
class Opening:
    """Which task a run asks for."""

    id: str
    """The id that the task has if it is a new one."""
    project: str
    name: str
    type: str
    reuse: bool | str = True
    """True reuses the last one of these names where that loses nothing, an id that very one."""
    continues: bool | str = False
    """True goes on with the last one of these names, an id with that very one."""


@dataclass(frozen=True)
class Found:
    """The task that it is."""

    id: str
    how: How = "new"
    record: TaskRecord | None = None
    """Of a task that goes on: as it stood."""
    configurations: tuple[ConfigurationSet, ...] = ()
    """Of a task that goes on."""
    last_iteration: int | None = None
    """Of a task that goes on: the largest step that it has reported."""
    note: str = ""
    """What the person at the desk should know, such as why the task asked for is another one."""


class NotBegun(ServerUnreachable):
    """The run's first process has not begun the task yet: try again soon."""

    default_next_step = ""


class Sink(Protocol):
    """Keeps one run. Called by one thread at a time, in this order: ``find`` and ``begin``, or
    ``join`` instead of both; ``deliver`` as often as there is something; ``end``; ``close``.

    Each may be called again, with the same arguments, after ServerUnreachable or ServerUnfit:
    whatever came through then is not done twice. After another ElsewhereError the call is not
    repeated, and what it was to keep is given up.
    """

    def find(self, opening: Opening) -> Found:
        """Decide which task it is, and take it, so that no other run does. At most a few seconds."""
        ...

    def begin(self, task_id: str, how: How, new: NewTask, payloads: Sequence[bytes]) -> None:
        """The task that was found runs from now on.

        Args:
            task_id: As ``find`` said.
            how: As ``find`` said. Of a task that goes on, only the tags of ``new`` are added.
            new: The task as it is to be.
            payloads: The bytes that its spec refers to.

        Raises:
            LateWrite, IllegalMove: somebody else has taken the task, or deleted it.
        """
        ...

    def join(self, task_id: str) -> None:
        """Write to a task that another process of the same run begins, or has begun.

        Raises:
            NotBegun: that process has not begun it yet.
        """
        ...

    def deliver(self, writes: Sequence[Write]) -> None:
        """Keep these, in order. Called again, it gets the same ones, until it returns.

        Raises:
            LateWrite: the task is not this run's any more; no write of it will be kept.
        """
        ...

    def end(self, ending: Ending) -> None:
        """The run has ended so. Never called after ``join``."""
        ...

    def close(self) -> None:
        """Give back connections and files. It is safe to repeat, and to call without an end."""
        ...
