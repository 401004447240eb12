"""What stands behind a desk: a copy of its task to read from, and the way of its writes to a sink."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.write import ConfigurationSet, Edited, encode_write
from elsewhere.desk.courier import Commission, Courier
from elsewhere.desk.ending import Ending
from elsewhere.desk.mirror import Mirror
from elsewhere.desk.sink import Opening
from elsewhere.notice import say

if TYPE_CHECKING:
    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.role import Meeting
    from elsewhere.desk.sink import Found
    from elsewhere.desk.started import Started
    from elsewhere.stored import Stored
    from elsewhere.wish import Wish


@dataclass(frozen=True)
class Start:
    """A run as it was started."""

    opening: Opening
    tags: tuple[str, ...]
    started: Callable[[], Started | None]
    """How a person started this process; None where no script runs in it."""
    wish: Callable[[], Wish | None]
    """What was asked for over what is captured, up to now."""
    meeting: Meeting
    asked: tuple[str | None, str | None]
    """The names that the script gave, by which other processes of the run find this task."""


class Run:
    """One run. Thread-safe; what it shares with its desk changes under ``lock``.

    Args:
        start: How it was started.
        lock: Held while anything changes.
        owned: Whether this very process begins and ends the task.
    """

    def __init__(self, start: Start, lock: threading.RLock, *, owned: bool) -> None:
        self._start = start
        self._lock = lock
        self._owned = owned
        self._ended = self._drafted = False
        opening = start.opening
        new = NewTask(opening.project, opening.name, TaskSpec(Entry("")), type=opening.type, tags=start.tags)
        self._mirror = Mirror(new, opening.id)
        # A task that goes on is known once it is found: what is written before is laid over it then.
        self._continues = bool(opening.continues) and owned
        self._early: list[Write] | None = [] if self._continues else None
        decided = owned and not opening.reuse and not opening.continues
        self.courier = self._made_courier(opening.id if decided else "")

    @property
    def drafted(self) -> bool:
        """Whether the task is a draft now, and this process has no part in it any more."""
        return self._drafted

    def found(self) -> Found:
        """Which task it is, once that is decided."""
        return self.courier.found()

    def record(self) -> TaskRecord:
        """The task with all that was written here."""
        if self._drafted:
            return self._stored().record()
        if self._continues:
            self.found()
        with self._lock:
            record = self._mirror.record()
        return replace(record, id=self.courier.known_id() or record.id)

    def write(self, write: Write) -> None:
        """Make a change: here at once, and soon where the task is kept."""
        if isinstance(write, ConfigurationSet):
            encode_write(write)  # refuses what is too large
        if self._drafted or self._ended:
            # Nobody waits for what comes after the end: it goes where the task is.
            self._stored().write(write)
            if self._drafted:
                return
        with self._lock:
            self._mirror.write(write)
            if self._early is not None:
                self._early.append(write)
            if not self._ended:
                self.courier.put(write)

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        if self._drafted:
            return self._stored().configuration(name)
        if self._continues:
            self.found()
        with self._lock:
            return self._mirror.configuration(name)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        if self._drafted:
            return self._stored().configurations()
        if self._continues:
            self.found()
        with self._lock:
            return self._mirror.configurations()

    def contents(self) -> tuple[TaskRecord, tuple[ConfigurationSet, ...]]:
        """The task with its configurations, as this process holds them."""
        with self._lock:
            return self._mirror.record(), self._mirror.whole_configurations()

    def end(self, ending: Ending, deadline: float) -> bool:
        """End the task; whether all came through within ``deadline`` seconds. The first ending counts."""
        if self._drafted:
            return True
        with self._lock:
            if not self._ended:
                if ending.status is Status.COMPLETED and self._mirror.record().progress != 100:
                    self.write(Edited(Edit(progress=100.0)))
                self._mirror.end(ending)
                self._ended = True
        clean = self.courier.end(ending, deadline)
        if not clean:
            self._complain(deadline)
        elif self.courier.dropped:
            say(f"{self.courier.dropped} writes of this run were dropped: too many waited for a server")
        return clean

    def finish(self, deadline: float) -> None:
        """Bring what a process has written that is not the run's first, within ``deadline`` seconds."""
        if not self.courier.end(Ending(Status.COMPLETED), deadline):
            self._complain(deadline)

    def retire(self) -> None:
        """The task is a draft now: nothing else of this run goes to it."""
        with self._lock:
            self._drafted = True
        self.courier.retire()

    def after_fork(self, lock: threading.RLock) -> None:
        """This process is the forked one: no thread came along, and what the parent sends is its own."""
        known = self.courier.known_id()
        self._lock = lock
        self._owned = False
        self.courier = self._made_courier(known)

    def _made_courier(self, known: str) -> Courier:
        from elsewhere.desk.sinks import make_sink

        start = self._start
        return Courier(
            make_sink,
            start.opening,
            joined=None if self._owned else lambda: known or start.meeting.wait(*start.asked),
            known=known,
            commission=self._commission,
            decided=self._decided,
            lock=self._lock,
        )

    def _decided(self, found: Found) -> None:
        with self._lock:
            early, self._early = self._early, None
            if found.record is not None:
                self._mirror = Mirror.of(found.record, found.configurations)
                for write in (Edited(Edit(add_tags=self._start.tags)), *(early or ())):
                    try:
                        self._mirror.write(write)
                    except ElsewhereError as error:
                        say(f"task {found.id} does not take what was written: {error.what}")
        if self._owned:
            self._start.meeting.announce(*self._start.asked, found.id)

    def _commission(self) -> Commission:
        from elsewhere.desk.capturing import captured_or_named

        started = self._start.started()
        what = captured_or_named(started, self._start.wish())
        with self._lock:
            comment = self._mirror.record().comment
        if what.failure and not comment:
            comment = f"Not captured: {what.failure}"
        if what.failure and started is not None:
            say(f"this run is kept, but cannot be run again elsewhere: {what.failure}")
        opening = self._start.opening
        new = NewTask(
            opening.project,
            opening.name,
            what.spec,
            type=opening.type,
            tags=self._start.tags,
            comment=comment,
        )
        return Commission(new, what.payloads)

    def _complain(self, deadline: float) -> None:
        known = self.courier.known_id() or self._start.opening.id
        why = self.courier.trouble or f"that would have taken longer than {deadline:.0f} s"
        say(
            f"task {known} of this run is not, or not wholly, in the store: {why}"
            " (ELSEWHERE_OFFLINE=1 keeps runs in a folder, which can be sent later)"
        )

    def _stored(self) -> Stored:
        from elsewhere.face.stores import the_store
        from elsewhere.stored import Stored

        return Stored(the_store(), self.found().id)
