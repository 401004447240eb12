"""A task in its attempt: the process was started by a supervisor, and reaches it by the Relay."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import ConfigurationSet, Write
    from elsewhere.desk.ending import Ending
    from elsewhere.store.protocol import Store
    from elsewhere.store.relay import RelayStore
    from elsewhere.wish import Wish

    T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""How long a script waits to be told its configuration by a server that is away, before it fails:
going on with its own values, it would be another experiment than was asked for."""

_relay: RelayStore | None = None


def in_attempt() -> bool:
    """Whether this process, or one that started it, was started by a supervisor."""
    return "ELSEWHERE_RELAY" in os.environ


def relay() -> RelayStore:
    """The one connection of this process to its supervisor; opened at the first call."""
    global _relay
    if _relay is None:
        from elsewhere.store.relay import RelayStore

        _relay = RelayStore(os.environ["ELSEWHERE_RELAY"])
    return _relay


class Bound:
    """The task that this attempt runs. Every read asks the supervisor, and sees it as it is now."""

    given = True
    live = True
    drafted = False
    initial_iteration = 0

    def __init__(self) -> None:
        from elsewhere.valve import Valve

        # What was written here may not have come to the store yet.
        self._written: dict[str, ConfigurationSet | None] = {}
        # Scripts say it with every batch, and each write is an entry of the journal.
        self._progress = Valve(_write)

    @property
    def id(self) -> str:
        """The task's id."""
        return os.environ["ELSEWHERE_TASK_ID"]

    def record(self) -> TaskRecord:
        """The task as it is now."""
        self._progress.flush()
        return relay().task()

    def write(self, write: Write) -> None:
        """Make a change; the supervisor has it on disk when this returns.

        But for progress, of which the newest is there half a second later.
        """
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import ConfigurationDeleted, ConfigurationSet, Edited

        if isinstance(write, Edited) and write.edit.progress is not None:
            if write.edit == Edit(progress=write.edit.progress):
                self._progress.put(write)
                return
            self._progress.flush()
        relay().write(write)
        if isinstance(write, ConfigurationSet):
            self._written[write.name] = write
        elif isinstance(write, ConfigurationDeleted):
            self._written[write.name] = None

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name. A server that is away is waited for, a minute at most."""
        if name in self._written:
            return self._written[name]
        return _patiently(lambda: relay().configuration(name))

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        names = set(_patiently(relay().configurations)) | self._written.keys()
        return sorted(name for name in names if self._written.get(name, name) is not None)

    def used(self, names: list[str]) -> None:
        """Tell the supervisor, which warns of the others."""
        relay().report({}, names)

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Do nothing: what this runs in, and with, is there."""

    def store(self) -> Store:
        """The store of all tasks, where the task itself was given a server.

        Raises:
            UsageError: it was not: an attempt has no way to other tasks than its own.
        """
        from elsewhere.face.stores import the_store

        return the_store()

    def end(self, ending: Ending, deadline: float) -> bool:
        """Have the supervisor end the task so, once the script has ended."""
        from elsewhere.contract.outcome import Verdict

        del deadline
        relay().judge(Verdict(ending.status, ending.text))
        return True

    def flush(self, timeout: float | None = None) -> bool:
        """All that was written is on the supervisor's disk."""
        del timeout
        self._progress.flush()
        return True

    def close(self, error: BaseException | None = None) -> None:
        """Give the connection back. The supervisor says how the attempt ended."""
        del error
        self._progress.flush()
        relay().close()


def _write(write: Write) -> None:
    relay().write(write)


def _patiently(call: Callable[[], T]) -> T:
    from elsewhere.contract.errors import RelayClosed, ServerUnreachable

    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except (ServerUnreachable, RelayClosed) as error:
            # Of many processes that ask at once, the last may be answered late: all wait for that server.
            gone = isinstance(error, RelayClosed) and not isinstance(error.__cause__, TimeoutError)
            if gone or time.monotonic() > end:
                raise
            time.sleep(0.5)
