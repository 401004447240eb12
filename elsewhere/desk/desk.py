"""A run at a desk: the process that a person started, and the task that it is."""

from __future__ import annotations

import os
import sys
import threading

from elsewhere import unforked
from elsewhere.desk import opened, role
from elsewhere.desk.started import UNTITLED, find_started, has_script, is_worker, watch_cells

TYPE_CHECKING = False  # the script waits for what is imported here, and for `typing`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import ConfigurationSet, Write
    from elsewhere.desk.drafting import Drafted
    from elsewhere.desk.ending import Ending
    from elsewhere.desk.options import Options
    from elsewhere.desk.run import Run
    from elsewhere.desk.started import Started
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish

CLOSE_SECONDS = 30.0
"""How long ``close`` waits for what is under way."""
STORE_SECONDS = 60.0
"""How long the way to other tasks waits for what is under way."""


class Desk:
    """A task that runs at a desk. Thread-safe, and usable in forked children.

    Making one waits for nothing, and imports little: the task is found, captured and put into the
    store by a thread. Reads are answered from a copy in memory.

    Args:
        project: None means the repository's name.
        name: None means the script's.
        task_type: What kind of run it is, in a word.
        tags: Words to find it by.
        options: What else was asked for.
        reuse: As in ``Opening``.
        continues: As in ``Opening``.
        initial_iteration: Where iterations begin; None leaves it to the task that is continued.
    """

    given = False
    live = True

    def __init__(
        self,
        project: str | None,
        name: str | None,
        task_type: str,
        tags: Sequence[str],
        *,
        options: Options | None = None,
        reuse: bool | str = True,
        continues: bool | str = False,
        initial_iteration: int | None = None,
    ) -> None:
        from pathlib import Path

        self.options = options
        """What ``Task.init`` was asked for beside the names; None leaves all as it is usual."""
        # Now, before the script may change either.
        self._arguments = tuple(sys.argv[1:])
        self._working_directory = Path.cwd()
        self._born = os.getpid()
        self._given_names = (project, name)
        self._first = role.is_first()
        self._meeting = role.Meeting(role.own_mark())
        self._type, self._tags = task_type, tuple(tags)
        self._reuse, self._continues = reuse, continues
        self._offset = initial_iteration
        self._wish: Wish | None = None
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._parsed: dict[str, JSONValue] = {}
        self._finishing = False
        self._script: Started | None = None
        watch_cells()
        # Now: Python takes its file from a script as soon as that has come to its end.
        self._script = self._started_or_none() if has_script() else None
        started = self._script or (None if project and name else self._started_or_none())
        folder = started.file.parent if started else self._working_directory
        self.asked = (
            project or _repository(folder).name,
            name or (started.name if started else UNTITLED),
        )
        """The names that the task was opened with, or got then."""
        self._open()

    # --- what a place is ----------------------------------------------------------

    @property
    def id(self) -> str:
        """The task's id; waits until it is known whether an old task is taken."""
        return self._running().found().id

    @property
    def owned(self) -> bool:
        """Whether this very process begins and ends the task."""
        return self._first and os.getpid() == self._born

    @property
    def drafted(self) -> bool:
        """Whether the task was made a draft, and is no run of this process any more."""
        return self._run is not None and self._run.drafted

    def record(self) -> TaskRecord:
        """The task with all that was written here."""
        return self._running().record()

    def write(self, write: Write) -> None:
        """Make a change: here at once, and soon where the task is kept."""
        self._running().write(write)

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        return self._running().configuration(name)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        return self._running().configurations()

    def used(self, names: list[str]) -> None:
        """Do nothing: at a desk nothing is laid over what the script says."""

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Ask for something else than was captured."""
        from elsewhere.wish import Wish

        with self._lock:
            self._wish = change(self._wish or Wish())

    def store(self) -> Store:
        """The store of all tasks, once all that was written here has come there."""
        from elsewhere.face.stores import the_store

        store = the_store()
        self.flush(STORE_SECONDS)
        return store

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was written here is kept; False when time runs out, or it fails."""
        return self._running().courier.flush(timeout)

    # --- what a run is ------------------------------------------------------------

    @property
    def initial_iteration(self) -> int:
        """Where the iterations of this run begin: 0, but for a task that goes on."""
        if self._offset is None and self._continues:
            last = self._running().found().last_iteration
            self._offset = 0 if last is None else last + 1
        return self._offset or 0

    @initial_iteration.setter
    def initial_iteration(self, iteration: int) -> None:
        self._offset = iteration

    def end(self, ending: Ending, deadline: float) -> bool:
        """End the task; whether all came through within ``deadline`` seconds. The first ending counts.

        What did not come through is said on stderr. A process that does not own the task only
        brings what it has written.
        """
        self._leave()
        if not self.owned:
            return self.flush(deadline)
        clean = self._running().end(ending, deadline)
        self._meeting.leave()
        return clean

    def close(self, error: BaseException | None = None) -> None:
        """End the task, not the process: as failed where ``error`` has left the block that it was for."""
        from elsewhere.contract.status import Status
        from elsewhere.desk.ending import Ending
        from elsewhere.desk.script_end import of_error

        self.end(Ending(Status.COMPLETED) if error is None else of_error(error), CLOSE_SECONDS)

    def draft(self, *, copy: bool = False) -> Drafted:
        """Capture this run as it is now, and make a draft of it, which may then be queued.

        Args:
            copy: Whether the draft is a task of its own, whose parent is this one. Otherwise it is
                this very task, and this process has no part in it any more.

        Raises:
            CaptureError: it cannot be captured.
            ServerUnreachable: no server answers.
            IllegalMove: somebody else has taken the task.
        """
        from elsewhere.desk.drafting import draft

        started = find_started(self._arguments, self._working_directory)
        drafted = draft(self._running(), started, self._wish, copy=copy)
        if not copy:
            self._leave()
            self._meeting.leave()
        return drafted

    # --- processes ----------------------------------------------------------------

    def hold(self) -> None:
        """Nothing changes here until ``release``: this process is about to be forked."""
        self._lock.acquire()

    def release(self) -> None:
        """It was forked."""
        self._lock.release()

    def after_fork(self) -> None:
        """This process is the forked one: no thread came along."""
        self._lock = threading.RLock()
        self._finishing = False
        if self._run is not None:
            self._run.after_fork(self._lock)

    # --- inside -------------------------------------------------------------------

    def _open(self) -> None:
        from elsewhere.desk import exits
        from elsewhere.parameters import ledger

        opened.enter(self)
        if self.options is None or self.options.arg_parser:
            ledger.listen(self._note_parsed)
        # It also imports what the client of the server needs, and what cannot be imported any more once
        # the script has ended.
        unforked.install()
        # Last: from here on two threads share one interpreter.
        if self._first:
            exits.install()
            if is_worker():
                role.at_end_of_worker(self._end_of_worker)
            os.environ[role.VARIABLE] = self._meeting.mark
            self._begin()
        else:
            self._join_in()

    def _leave(self) -> None:
        from elsewhere.parameters import ledger

        opened.leave(self)
        ledger.leave(self._note_parsed)

    def _note_parsed(self, values: Mapping[str, JSONValue]) -> None:
        with self._lock:
            self._parsed.update(values)
            if self._run is not None:
                self._take_parsed(self._run)

    def _take_parsed(self, run: Run) -> None:
        from elsewhere.contract.write import ParametersSet

        if self._parsed:
            values, self._parsed = self._parsed, {}
            run.write(ParametersSet(values))

    def _running(self) -> Run:
        """What stands behind this desk, made by whoever is the first to need it."""
        if self._run is None:
            unforked.import_all("elsewhere.desk.run", "elsewhere.desk.sinks")
            from elsewhere.desk.run import Run, Start
            from elsewhere.desk.sink import Opening

            with self._lock:
                if self._run is None:
                    opening = Opening(
                        os.urandom(16).hex(), *self.asked, self._type, self._reuse, self._continues
                    )
                    start = Start(
                        opening,
                        self._tags,
                        self._started_or_none,
                        lambda: self._wish,
                        self._meeting,
                        self._given_names,
                    )
                    run = Run(start, self._lock, owned=self.owned)
                    self._take_parsed(run)
                    self._run = run
        if not self.owned:
            self._join_in()
        return self._run

    def _begin(self) -> None:
        thread = threading.Thread(target=self._carry, name="elsewhere-desk", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter is about to end
            self._running().courier.give_up(str(error))

    def _carry(self) -> None:
        if self.owned:
            with unforked.held():  # which it does, too
                self._meeting.expect(*self._given_names)
        self._running().courier.carry()

    def _join_in(self) -> None:
        """Have the writes of a process that is not the first one brought, and its end waited for."""
        with self._lock:
            finishing, self._finishing = self._finishing, True
        if not finishing:
            role.at_end_of_process(self._finish)
            self._begin()

    def _end_of_worker(self) -> None:
        """End the task of a worker that opened it: no exit handler of ours is called there."""
        from elsewhere.contract.status import Status
        from elsewhere.desk.ending import Ending
        from elsewhere.desk.exits import deadline_seconds
        from elsewhere.desk.script_end import of_error

        if self in opened.opened():
            error = sys.exc_info()[1]
            ending = Ending(Status.COMPLETED) if error is None else of_error(error)
            self.end(ending, deadline_seconds())

    def _finish(self) -> None:
        from elsewhere.desk.exits import deadline_seconds

        self._running().finish(deadline_seconds())

    def _started_or_none(self) -> Started | None:
        if self._script is not None:
            return self._script
        from elsewhere.contract.errors import CaptureError

        try:
            return find_started(self._arguments, self._working_directory)
        except CaptureError:
            return None


def _repository(folder: Path) -> Path:
    return next((home for home in (folder, *folder.parents) if (home / ".git").exists()), folder)
