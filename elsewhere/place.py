"""What stands behind a task's face: where its reads come from, and where its writes go.

Four kinds: a run at a desk (``elsewhere.desk``), kept in the store or, offline, in a folder; the task
of this very attempt (``elsewhere.bound``); any task of the store (``elsewhere.stored``); and one that is
tried here as if an agent ran it (``elsewhere.simulated``). A face does not know which of them it has.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs more to import than a face needs
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import ConfigurationSet, Write
    from elsewhere.desk.ending import Ending
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish

    class Place(Protocol):
        """One task, as a script reaches it."""

        given: bool
        """Whether what the task holds is laid over what the script says: in its attempt it is."""
        live: bool
        """Whether this process runs the task: at a desk, or in its attempt."""

        @property
        def initial_iteration(self) -> int:
            """Where the iterations of this run begin."""
            ...

        @initial_iteration.setter
        def initial_iteration(self, iteration: int) -> None: ...

        @property
        def drafted(self) -> bool:
            """Whether the run was sent elsewhere under this id: it is nobody's here any more."""
            ...

        @property
        def id(self) -> str:
            """32 hexadecimal digits. At a desk this may wait until it is known whether a task is reused."""
            ...

        def record(self) -> TaskRecord:
            """The task as it is now, with all that was written here, wherever that stands yet."""
            ...

        def write(self, write: Write) -> None:
            """Make a change. Where the task runs, this waits for no network, and raises for nothing but
            what can never be stored: SchemaError, UsageError.
            """
            ...

        def configuration(self, name: str) -> ConfigurationSet | None:
            """The configuration of that name, with what was written here."""
            ...

        def configurations(self) -> list[str]:
            """Names of all configurations, with what was written here, in order."""
            ...

        def used(self, names: list[str]) -> None:
            """Say that the script knows these overrides, so that nobody calls them unused."""
            ...

        def wish(self, change: Callable[[Wish], Wish]) -> None:
            """Ask for another image, packages, source or needs than were captured. In an attempt nothing."""
            ...

        def store(self) -> Store:
            """The store of all tasks, once all that was written here has come there.

            Raises:
                ServerUnreachable: nothing answers.
                UsageError: in an attempt that was given no server, or offline.
            """
            ...

        def end(self, ending: Ending, deadline: float) -> bool:
            """End the task, within ``deadline`` seconds, and not the process; in an attempt, where the
            supervisor ends it, as soon as the script has. Whether that came through.
            """
            ...

        def close(self, error: BaseException | None = None) -> None:
            """The script is done with the task; ``error`` is what has left the block that it was for."""
            ...

        def flush(self, timeout: float | None = None) -> bool:
            """Wait until all that was written here is where it is kept; False when time runs out first."""
            ...
