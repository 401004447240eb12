"""A task that runs here as if an agent ran it: what it holds is laid over what the script says."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import IllegalMove
from elsewhere.contract.status import Status
from elsewhere.contract.write import ConfigurationSet, Edited, ParametersSet
from elsewhere.desk import opened
from elsewhere.store.deliver import deliver
from elsewhere.store.relay import Given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish

_current: Simulated | None = None


class Simulated:
    """A task of the store that this process runs, with no agent and no supervisor.

    Every write is in the store when it returns; unlike an attempt's it waits for the network, and
    raises where the server does not answer. All else of the task's spec but what the script reads
    (commit, packages, image) is not looked at: the script runs as it stands here.
    """

    given = True
    live = True
    drafted = False
    options = None
    initial_iteration = 0

    def __init__(self, store: Store, task_id: str, *, owned: bool) -> None:
        self._store = store
        self._id = task_id
        self._owner = os.getpid() if owned else 0
        self._used: set[str] = set()
        self._attempt: int | None = None
        self._over = False
        self.asked = ("", "")
        """The names that it was opened with, or has: they change nothing."""

    # --- what a place is ----------------------------------------------------------

    @property
    def id(self) -> str:
        """The task's id."""
        return self._id

    def record(self) -> TaskRecord:
        """The task as it is now."""
        return self._store.get(self._id)

    def write(self, write: Write) -> None:
        """Make a change."""
        deliver(self._store, self._id, write, attempt=self._attempt)

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        kept = self._store.configuration(self._id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._store.get_blob(kept.blob), kept.suffix, kept.description)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        return sorted(self._store.configurations(self._id))

    def used(self, names: list[str]) -> None:
        """The others are named at the end."""
        self._used.update(names)

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Do nothing, as in an attempt."""

    def store(self) -> Store:
        """The store of all tasks."""
        return self._store

    def flush(self, timeout: float | None = None) -> bool:
        """All that was written is in the store."""
        del timeout
        return True

    # --- what a run is --------------------------------------------------------------

    @property
    def owned(self) -> bool:
        """Whether this very process says how the task ends."""
        return self._owner == os.getpid()

    def begin(self, project_name: str | None, task_name: str | None) -> None:
        """The script has opened it by these names: it runs from now on.

        Raises:
            IllegalMove: somebody else has taken it.
        """
        record = self.record()
        self.asked = (project_name or record.project, task_name or record.name)
        if not self.owned:
            return
        from elsewhere.desk import exits

        self._attempt = self._store.move(self._id, Status.IN_PROGRESS, expected=Status.CREATED).attempt
        opened.enter(self)
        exits.install()

    def end(self, ending: Ending, deadline: float) -> bool:
        """End the task. The first ending counts."""
        del deadline
        opened.leave(self)
        if self.owned and self._attempt is not None and not self._over:
            self._over = True
            self._name_unused()
            if ending.status is Status.COMPLETED:
                self.write(Edited(Edit(progress=100.0)))
            self._store.move(
                self._id,
                ending.status,
                expected=Status.IN_PROGRESS,
                message=ending.text,
                exit_code=ending.exit_code,
            )
        return True

    def close(self, error: BaseException | None = None) -> None:
        """End the task, not the process: as failed where ``error`` has left the block that it was for."""
        global _current
        from elsewhere.desk.ending import Ending
        from elsewhere.desk.script_end import of_error

        self.end(Ending(Status.COMPLETED) if error is None else of_error(error), 0)
        if _current is self:
            _current = None

    def hold(self) -> None:
        """Nothing is under way that a fork could cut."""

    def release(self) -> None:
        """Nothing was held."""

    def after_fork(self) -> None:
        """The store opens connections of this process's own by itself."""

    def _name_unused(self) -> None:
        from elsewhere.parameters.overrides import unknown

        record = self.record()
        unused = sorted(set(record.overrides) - self._used)
        if unused:
            known = set(record.parameters) - set(unused)
            sys.stderr.write(f"elsewhere: the script did not use: {unknown(unused, known)}\n")


def simulate(store: Store, task_id: str, *, reset: bool, worker: bool) -> None:
    """Let the next ``Task.init`` of this process open that task as in its attempt.

    Args:
        store: Where the task is.
        task_id: Its id.
        reset: Make it a draft first; its log and results are lost.
        worker: Whether another process of this run has done the same, and says how the task ends.

    Raises:
        IllegalMove: it is no draft, and is not to be reset, or cannot be.
        TaskNotFound: there is none.
    """
    global _current
    if not worker:
        record = store.get(task_id)
        if reset and record.status.ended:
            record = store.move(task_id, Status.CREATED, expected=record.status)
        if record.status is not Status.CREATED:
            raise IllegalMove(
                f"task {task_id} is {record.status}, and only a draft can be run", _step(record)
            )
    _current = Simulated(store, task_id, owned=not worker)


class Supervision:
    """What a supervisor would say to the parsers of the command line."""

    def __init__(self, simulated: Simulated) -> None:
        self._simulated = simulated

    def given(self) -> Given:
        """What the task was given to run with."""
        record = self._simulated.record()
        return Given(record.parameters, record.overrides)

    def report(self, parameters: Mapping[str, JSONValue], used: list[str]) -> None:
        """Keep what the script really runs with."""
        if parameters:
            self._simulated.write(ParametersSet(parameters))
        self._simulated.used(used)


def supervision() -> Supervision | None:
    """That of the task which is, or will be, run here so; None where there is none."""
    return None if _current is None else Supervision(_current)


def opening(project_name: str | None, task_name: str | None) -> Simulated | None:
    """The task that ``Task.init`` is to open, whatever it is called; None where there is none."""
    if _current is None or any(_current.asked):
        return None
    _current.begin(project_name, task_name)
    return _current


def _step(record: TaskRecord) -> str:
    if record.status is Status.QUEUED:
        return "Take it out of its queue first: Task.dequeue(task)."
    if record.status is Status.IN_PROGRESS:
        return "Wait for its end, or run a clone of it: Task.clone(task)."
    return "Pass reset_task=True, which loses its log and results; or run a clone of it: Task.clone(task)."
