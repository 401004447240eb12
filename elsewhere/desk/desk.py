"""A run at a desk: the process that a person started, and the task that it is."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import CaptureError, ElsewhereError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.write import ConfigurationSet, Edited, ParametersSet, encode_write
from elsewhere.desk import opened, role
from elsewhere.desk.courier import Commission, Courier
from elsewhere.desk.ending import Ending
from elsewhere.desk.mirror import Mirror
from elsewhere.desk.notice import say
from elsewhere.desk.options import Options
from elsewhere.desk.sink import Opening
from elsewhere.desk.started import UNTITLED, find_started

if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.drafting import Drafted
    from elsewhere.desk.sink import Found
    from elsewhere.desk.started import Started
    from elsewhere.store.protocol import Store
    from elsewhere.stored import Stored
    from elsewhere.wish import Wish

CLOSE_SECONDS = 30.0
"""How long ``close`` waits for what is under way."""
STORE_SECONDS = 60.0
"""How long the way to other tasks waits for what is under way."""


class Desk:
    """A task that runs at a desk. Thread-safe, and usable in forked children.

    Making one waits for nothing: the task is found, captured and put into the store in the
    background. Reads are answered from a copy in memory.

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
        self.options = options or Options()
        """What ``Task.init`` was asked for beside the names."""
        # Now, before the script may change either.
        self._arguments = tuple(sys.argv[1:])
        self._working_directory = Path.cwd()
        self._born = os.getpid()
        self._asked = (project, name)
        self._first = role.is_first()
        self._meeting = role.own_meeting()
        self._wish: Wish | None = None
        self._offset = initial_iteration
        self._ended = self._drafted = self._finishing = False
        started = self._started_or_none()
        new = NewTask(
            project or _repository(started.file.parent if started else self._working_directory).name,
            name or (started.name if started else UNTITLED),
            TaskSpec(Entry("")),
            type=task_type,
            tags=tuple(tags),
        )
        task_id = uuid.uuid4().hex
        self._mirror = Mirror(new, task_id)
        # A task that goes on is known once it is found: what is written before is laid over it then.
        self._continues = bool(continues)
        self._early: list[Write] | None = [] if continues else None
        self._tags = new.tags
        self._lock = threading.RLock()
        self._opening = Opening(task_id, new.project, new.name, new.type, reuse, continues)
        self._courier = self._made_courier("" if reuse or continues else task_id)
        self._open()

    # --- what a place is ----------------------------------------------------------

    @property
    def id(self) -> str:
        """The task's id; waits until it is known whether an old task is taken."""
        if not self.owned:
            self._join_in()
        return self._courier.found().id

    @property
    def owned(self) -> bool:
        """Whether this very process begins and ends the task."""
        return self._first and os.getpid() == self._born

    def record(self) -> TaskRecord:
        """The task with all that was written here."""
        if self._drafted:
            return self._stored().record()
        task_id = self.id if self._continues else ""
        with self._lock:
            record = self._mirror.record()
        return replace(record, id=task_id or self._courier.known_id() or record.id)

    def write(self, write: Write) -> None:
        """Make a change: here at once, and soon where the task is kept."""
        if isinstance(write, ConfigurationSet):
            encode_write(write)  # refuses what is too large
        if self._drafted or self._ended:
            self._stored().write(write)
            if self._drafted:
                return
        with self._lock:
            self._mirror.write(write)
            if self._early is not None:
                self._early.append(write)
            self._courier.put(write)
        if not self.owned:
            self._join_in()

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        if self._continues:
            self._courier.found()
        with self._lock:
            return self._mirror.configuration(name)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        if self._continues:
            self._courier.found()
        with self._lock:
            return self._mirror.configurations()

    def used(self, names: list[str]) -> None:
        """Do nothing: at a desk nothing is laid over what the script says."""

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Ask for something else than was captured."""
        with self._lock:
            from elsewhere.wish import Wish

            self._wish = change(self._wish or Wish())

    def store(self) -> Store:
        """The store of all tasks, once all that was written here has come there."""
        from elsewhere.face.stores import the_store

        store = the_store()
        self.flush(STORE_SECONDS)
        return store

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was written here is kept; False when time runs out, or it fails."""
        return self._courier.flush(timeout)

    # --- what a run is ------------------------------------------------------------

    @property
    def initial_iteration(self) -> int:
        """Where the iterations of this run begin: 0, but for a task that goes on."""
        if self._offset is None and self._continues:
            last = self._courier.found().last_iteration
            self._offset = 0 if last is None else last + 1
        return self._offset or 0

    @initial_iteration.setter
    def initial_iteration(self, iteration: int) -> None:
        self._offset = iteration

    @property
    def asked(self) -> tuple[str, str]:
        """The names that it was opened with, or that it got then."""
        return self._opening.project, self._opening.name

    def end(self, ending: Ending, deadline: float) -> bool:
        """End the task; whether all came through within ``deadline`` seconds. The first ending counts.

        What did not come through is said on stderr.
        """
        self._leave()
        if not self.owned:
            return self.flush(deadline)
        with self._lock:
            if not self._ended and not self._drafted:
                if ending.status is Status.COMPLETED and self._mirror.record().progress != 100:
                    self.write(Edited(Edit(progress=100.0)))
                self._mirror.end(ending)
                self._ended = True
        clean = self._courier.end(ending, deadline)
        if not clean:
            self._complain(deadline)
        elif self._courier.dropped:
            say(f"{self._courier.dropped} writes of this run were dropped: too many waited for a server")
        self._meeting.leave()
        return clean

    def close(self, error: BaseException | None = None) -> None:
        """End the task, not the process: as failed where ``error`` has left the block that it was for."""
        from elsewhere.desk.script_end import of_error

        ending = Ending(Status.COMPLETED) if error is None else of_error(error)
        self.end(ending, CLOSE_SECONDS)

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
        from elsewhere.desk import drafting
        from elsewhere.desk.capturing import captured
        from elsewhere.desk.store_sink import as_new
        from elsewhere.face.stores import the_store

        store = the_store()
        found = self._courier.found()
        with self._courier.paused() as begun:
            what = captured(self._started(), self._wish)
            with self._lock:
                new = replace(as_new(self._mirror.record()), spec=what.spec)
                configurations = self._mirror.whole_configurations()
            if copy:
                new, task_id = replace(new, parent=found.id), uuid.uuid4().hex
                record = drafting.new_draft(store, new, what.payloads, configurations, task_id=task_id)
            elif begun or found.how != "new":
                record = drafting.own_draft(
                    store,
                    new,
                    what.payloads,
                    configurations,
                    task_id=found.id,
                    keeps_results=found.how == "continue",
                )
            else:
                record = drafting.own_draft(
                    store, new, what.payloads, configurations, task_id=found.id, keeps_results=False
                )
            if not copy:
                self._drafted = True
                self._courier.retire()
                self._leave()
                self._meeting.leave()
        return drafting.Drafted(record, store, what.notes)

    # --- processes ----------------------------------------------------------------

    def hold(self) -> None:
        """Nothing changes here until ``release``: this process is about to be forked."""
        self._lock.acquire()

    def release(self) -> None:
        """It was forked."""
        self._lock.release()

    def after_fork(self) -> None:
        """This process is the forked one: no thread came along, and what the parent sends is its own."""
        known = self._courier.known_id()
        self._lock = threading.RLock()
        self._finishing = False
        self._courier = self._made_courier(known)

    # --- inside -------------------------------------------------------------------

    def _open(self) -> None:
        from elsewhere.desk import exits
        from elsewhere.parameters import ledger

        opened.enter(self)
        if self._first:
            exits.install()
            self._meeting.expect(*self._asked)
            os.environ[role.VARIABLE] = str(self._meeting.folder)
        if self.options.arg_parser:
            ledger.listen(self._note_parsed)
        if self._first:
            self._courier.start()
        else:
            self._join_in()

    def _leave(self) -> None:
        from elsewhere.parameters import ledger

        opened.leave(self)
        ledger.leave(self._note_parsed)

    def _note_parsed(self, values: Mapping[str, JSONValue]) -> None:
        self.write(ParametersSet(dict(values)))

    def _made_courier(self, known: str) -> Courier:
        from elsewhere.desk.sinks import make_sink

        return Courier(
            make_sink,
            self._opening,
            joined=None if self.owned else lambda: known or self._meeting.wait(*self._asked),
            known=known,
            commission=self._commission,
            decided=self._decided,
            lock=self._lock,
        )

    def _join_in(self) -> None:
        """Have the writes of a process that is not the first one brought, and its end waited for."""
        with self._lock:
            finishing, self._finishing = self._finishing, True
        if not finishing:
            role.at_end_of_process(self._finish)
        self._courier.start()

    def _finish(self) -> None:
        from elsewhere.desk.exits import deadline_seconds

        self._courier.end(Ending(Status.COMPLETED), deadline_seconds())

    def _decided(self, found: Found) -> None:
        with self._lock:
            early, self._early = self._early, None
            if found.record is not None:
                self._mirror = Mirror.of(found.record, found.configurations)
                for write in (Edited(Edit(add_tags=self._tags)), *(early or ())):
                    try:
                        self._mirror.write(write)
                    except ElsewhereError as error:
                        say(f"task {found.id} does not take what was written: {error.what}")
        if self._first:
            self._meeting.announce(*self._asked, found.id)

    def _commission(self, found: Found) -> Commission:
        from elsewhere.desk.capturing import captured_or_named

        what = captured_or_named(self._started_or_none(), self._wish)
        with self._lock:
            record = self._mirror.record()
        comment = record.comment
        if what.failure and not comment:
            comment = f"Not captured: {what.failure}"
            if self._started_or_none() is not None:
                say(f"this run is not captured, so that it can be seen, but not run again: {what.failure}")
        new = NewTask(
            self._opening.project,
            self._opening.name,
            what.spec,
            type=self._opening.type,
            tags=self._tags,
            comment=comment,
        )
        del found
        return Commission(new, what.payloads)

    def _complain(self, deadline: float) -> None:
        known = self._courier.known_id() or self._opening.id
        why = self._courier.trouble or f"that would have taken longer than {deadline:.0f} s"
        say(
            f"task {known} of this run is not, or not wholly, in the store: {why}"
            " (ELSEWHERE_OFFLINE=1 keeps runs in a folder, which can be sent later)"
        )

    def _stored(self) -> Stored:
        from elsewhere.face.stores import the_store
        from elsewhere.stored import Stored

        return Stored(the_store(), self.id)

    def _started(self) -> Started:
        return find_started(self._arguments, self._working_directory)

    def _started_or_none(self) -> Started | None:
        try:
            return self._started()
        except CaptureError:
            return None


def _repository(folder: Path) -> Path:
    return next((home for home in (folder, *folder.parents) if (home / ".git").exists()), folder)
