"""What brings a run to its sink while the script goes on: one thread, one step after the other.

find which task it is, capture, begin; deliver what was written, in order; end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from elsewhere import unforked
from elsewhere.contract.errors import ElsewhereError, LateWrite, ServerUnfit, ServerUnreachable
from elsewhere.desk.outbox import Outbox
from elsewhere.desk.sink import Found, NotBegun
from elsewhere.notice import say

if TYPE_CHECKING:
    from elsewhere.contract.task import NewTask
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending
    from elsewhere.desk.sink import Opening, Sink

T = TypeVar("T")

GATHER_SECONDS = 0.1
"""How long writes are gathered before they are sent."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
"""Between two tries while no server answers; doubled each time."""
LAST_PAUSE_SECONDS = 0.3
"""Between two tries once the run has ended."""


AT_FIRST = (
    "elsewhere.bound",
    "elsewhere.desk.capturing",
    "elsewhere.desk.choosing",
    "elsewhere.desk.store_sink",
    "elsewhere.offline.mode",
    "elsewhere.offline.sink",
    "elsewhere.settings",
    "elsewhere.wish",
    "hashlib",
    "platformdirs",
    "platformdirs.unix",
    "shutil",
    "subprocess",
    "tomllib",
    "traceback",
)
"""What the thread imports before it begins."""


class Commission(NamedTuple):
    """A run as it is to be kept."""

    new: NewTask
    payloads: tuple[bytes, ...]


class _Over(Exception):
    """Nothing more is to be brought."""


class Courier:
    """Brings one run to its sink. Thread-safe; what the script calls never waits for a network
    unless it asks to.

    Args:
        sink: Makes the sink; called in the thread.
        opening: Which task the run asks for.
        joined: For a process that is not the run's first: waits for the task's id, and answers ""
            where nobody says one. None means that this is the first.
        known: The task's id, where nothing needs to be decided.
        commission: Captures the run; called in the thread, and takes as long as it takes.
        decided: Told which task it is, in the thread, before anybody else is.
        lock: Held while anything of the courier or of its owner changes.
    """

    def __init__(
        self,
        sink: Callable[[], Sink],
        opening: Opening,
        *,
        joined: Callable[[], str] | None,
        known: str,
        commission: Callable[[], Commission],
        decided: Callable[[Found], None],
        lock: threading.RLock,
    ) -> None:
        self._make_sink = sink
        self._opening = opening
        self._joined = joined
        self._commission = commission
        self._decided = decided
        self._state = threading.Condition(lock)
        self._sending = threading.Lock()
        self._outbox = Outbox()
        self._found = Found(known) if known else None
        self._ending: Ending | None = None
        self._deadline = 0.0
        self._begun = self._reached = self._over = self._clean = self._retired = False
        self._hurries = self._failures = 0
        self.trouble = ""
        """Why nothing comes through at present, in a sentence; "" where all does."""

    # --- what the script calls ----------------------------------------------------

    def put(self, write: Write) -> None:
        """Have a write brought, soon."""
        with self._state:
            if not self._over:
                self._outbox.put(write)
                self._state.notify_all()

    def found(self) -> Found:
        """Which task it is: known at once, or when it is decided whether an old one is taken."""
        with self._state:
            self._state.wait_for(lambda: self._found is not None)
            assert self._found is not None  # noqa: S101 - for the type checker
            return self._found

    def known_id(self) -> str:
        """The task's id, or "" while it is not decided."""
        with self._state:
            return "" if self._found is None else self._found.id

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was written is kept; without ``timeout`` until that has failed once."""
        with self._state:
            failures = self._failures
            self._hurry()
            self._state.wait_for(
                lambda: self._over or self._idle() or (timeout is None and self._failures > failures), timeout
            )
            return self._idle()

    def end(self, ending: Ending, deadline: float) -> bool:
        """Bring what is left, and the end, within ``deadline`` seconds; whether all came through."""
        with self._state:
            self._ending = self._ending or ending
            self._deadline = time.monotonic() + deadline
            self._hurry()
            self._state.wait_for(lambda: self._over, deadline)
            return self._clean

    @property
    def dropped(self) -> int:
        """Writes that were given up while too many waited."""
        return self._outbox.dropped

    @contextmanager
    def paused(self) -> Iterator[bool]:
        """Nothing is sent inside the block, which is told whether the task runs in the sink."""
        with self._sending:
            yield self._begun

    def retire(self) -> None:
        """The task is not this run's any more; nothing else is brought."""
        with self._state:
            self._retired = self._clean = True
            self._outbox.clear()
            self._state.notify_all()

    def give_up(self, trouble: str) -> None:
        """Nothing more is brought, because of some trouble."""
        with self._state:
            self.trouble = trouble or self.trouble
            self._over = True
            self._found = self._found or Found(self._opening.id)
            self._outbox.clear()
            self._state.notify_all()

    # --- the thread ---------------------------------------------------------------

    def carry(self) -> None:
        """Do all of it, until the end: what the thread is for."""
        try:
            unforked.import_all(*AT_FIRST)
            sink = self._make_sink()
            try:
                self._bring(sink)
            finally:
                with suppress(Exception):
                    sink.close()
        except _Over:
            self.give_up("")
        except ElsewhereError as error:
            self.give_up(error.what)
        except Exception as error:  # noqa: BLE001 - what fails of ours must not hinder the script
            if os.environ.get("ELSEWHERE_DEBUG") == "1":
                import traceback

                traceback.print_exc()
            self.give_up(f"{type(error).__name__}: {error}")

    def _bring(self, sink: Sink) -> None:
        found = self._join() if self._joined is not None else self._find(sink)
        if self._joined is None:
            commission = self._commission()
            self._insist(lambda: sink.begin(found.id, found.how, commission.new, commission.payloads))
        else:
            self._insist(lambda: sink.join(found.id))
        with self._state:
            self._begun = True
            self._state.notify_all()
        while True:
            batch, ending = self._next()
            if batch:
                self._insist(lambda batch=batch: sink.deliver(batch))  # type: ignore[misc]
                with self._state:
                    self._outbox.sent()
                    self._state.notify_all()
            elif ending is not None:
                if self._joined is None:
                    self._insist(lambda: sink.end(ending))  # noqa: B023 - called at once
                break
        with self._state:
            self._clean = self._over = True
            self._state.notify_all()

    def _find(self, sink: Sink) -> Found:
        try:
            found = sink.find(self._opening)
        except (ServerUnreachable, ServerUnfit):
            found = Found(self._opening.id)  # where no server says otherwise it is a new task
        self._decide(found)
        return found

    def _join(self) -> Found:
        assert self._joined is not None  # noqa: S101 - for the type checker
        task_id = self._joined()
        if not task_id:
            raise ElsewhereError("the first process of this run has not said which task it is")
        found = Found(task_id)
        self._decide(found)
        return found

    def _decide(self, found: Found) -> None:
        if found.note:
            say(found.note)
        self._decided(found)
        with self._state:
            self._found = found
            self._state.notify_all()

    def _next(self) -> tuple[Sequence[Write], Ending | None]:
        """What is to be done next, once there is something."""
        with self._state:
            hurries = self._hurries
            self._state.wait_for(lambda: len(self._outbox) or self._ending or self._retired)
            if self._retired:
                raise _Over
            if not self._ending and hurries == self._hurries:
                self._state.wait_for(lambda: self._hurries > hurries, GATHER_SECONDS)
            return self._outbox.take(), self._ending

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until it comes through, or the run has ended and there is no more time."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            with self._sending:
                if self._retired:
                    raise _Over
                try:
                    answer = call()
                except (ServerUnreachable, ServerUnfit) as error:
                    trouble = error.what
                    soon = isinstance(error, NotBegun)
                    self._reached = self._reached or soon
                except LateWrite as error:
                    say(f"this run is not stored any further: {error.what}")
                    raise
                else:
                    self._reached, self.trouble = True, ""
                    return answer
            with self._state:
                self.trouble = trouble
                self._failures += 1
                self._state.notify_all()
                hurries = self._hurries
                if self._ending is not None:
                    # One that was never there will not come within a few seconds.
                    if not self._reached or time.monotonic() > self._deadline:
                        raise _Over
                    pause = LAST_PAUSE_SECONDS
                self._state.wait_for(lambda: self._hurries > hurries or self._retired, pause)  # noqa: B023
            if not soon:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _idle(self) -> bool:
        return self._clean or (self._begun and not self._over and not len(self._outbox))

    def _hurry(self) -> None:
        self._hurries += 1
        self._state.notify_all()
