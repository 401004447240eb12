"""Where a task stands: moving it on by hand, and waiting for it to come somewhere."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from elsewhere.contract.status import Status
    from elsewhere.contract.task import TaskRecord
    from elsewhere.place import Place
    from elsewhere.store.protocol import Store

END_SECONDS = 30.0
"""How long ending the run of this very process waits for the server."""


class Standing(Face):
    """A task's status.

    On the task of this very run at a desk, ``mark_completed``, ``mark_failed`` and ``mark_stopped``
    end the task and not the process, and the first ending counts: how the process ends says nothing
    of the task any more. In an attempt they say how the task ends once the script has, whatever
    its exit code is then; the last word counts, and until then the task is ``in_progress``. A
    stop that was asked for from outside still ends it as ``stopped``.

    A task that an agent runs at present is ended by nobody else: `agent stop` asks it to.
    """

    @property
    def status_message(self) -> str:
        """How the task came to its status, in words; "" where there is nothing to say."""
        from elsewhere.contract.errors import ElsewhereError

        try:
            return self._settled().record().status_message
        except ElsewhereError:
            return self._record().status_message

    def get_status(self) -> str:
        """The task's status, in a word, as it is now; of a run that is over and offline, as it ended."""
        from elsewhere.contract.errors import ElsewhereError

        try:
            return self._settled().record().status.value
        except ElsewhereError:
            return self._record().status.value

    def mark_started(self, force: bool = False) -> None:
        """Have a draft be in progress, as the task of something that reports to it.

        A task that runs here, or is in progress already, stays as it is.

        Args:
            force: Also one that is queued, and leaves its queue; and one that has ended, and goes on
                with the results that it has.

        Raises:
            IllegalMove: it is no draft; or, with ``force``, it is published.
        """
        place = self._settled()
        if not place.live:
            _start(place, force=force)

    def mark_stopped(self, force: bool = False, status_message: str | None = None) -> None:
        """End the task as ``stopped``.

        Args:
            force: Wherever it stands, but not where it is published or an agent runs it.
            status_message: Why, in words.

        Raises:
            IllegalMove: it has ended already, or an agent runs it.
        """
        self._end("stopped", status_message, force=force)

    def mark_completed(
        self, ignore_errors: bool = True, status_message: str | None = None, force: bool = False
    ) -> bool:
        """End the task as ``completed``.

        Args:
            ignore_errors: Say on stderr what went wrong, and return False.
            status_message: What there is to say of it.
            force: Wherever it stands, but not where it is published or an agent runs it.

        Returns:
            Whether it is.

        Raises:
            IllegalMove: it is not in progress, or an agent runs it.
        """
        return _tried(ignore_errors, lambda: self._end("completed", status_message, force=force))

    def mark_failed(
        self,
        ignore_errors: bool = True,
        status_reason: str | None = None,
        status_message: str | None = None,
        force: bool = False,
    ) -> bool:
        """End the task as ``failed``.

        Args:
            ignore_errors: Say on stderr what went wrong, and return False.
            status_reason: Why, in a few words.
            status_message: Why, in more of them.
            force: Wherever it stands, but not where it is published or an agent runs it.

        Returns:
            Whether it is.

        Raises:
            IllegalMove: it is neither in progress nor queued, or an agent runs it.
        """
        message = "\n".join(filter(None, (status_reason, status_message)))
        return _tried(ignore_errors, lambda: self._end("failed", message, force=force))

    def publish(self, ignore_errors: bool = True) -> bool:
        """Freeze a task that has ended, for others to rely on: it cannot be reset any more.

        Args:
            ignore_errors: Say on stderr what the server refused, and return False.

        Returns:
            Whether it is published.

        Raises:
            UsageError: it has not ended.
        """
        from elsewhere.contract.status import Status

        place = self._settled()
        record = place.record()
        if not record.status.ended:
            raise misuse(
                f"task {record.id} is {record.status}: what is published has ended",
                "Publish it when it has (`task.wait_for_status()`).",
            )
        if record.status is Status.PUBLISHED:
            return True
        return _tried(ignore_errors, lambda: _move(place, Status.PUBLISHED))

    def reset(self, force: bool = False) -> None:
        """Make a draft of it again: its log, series and progress are lost, and what it runs with stays.

        In its own attempt this does nothing.

        Args:
            force: Also where it is queued, or runs at a desk, whose next write is refused then.

        Raises:
            IllegalMove: it is published, or an agent runs it; or, without ``force``, it has not ended.
            UsageError: this very process runs it at a desk.
        """
        from elsewhere.contract.status import Status

        place = self._settled()
        if place.live:
            if place.given:
                return
            raise misuse(
                "this process runs the task: it cannot be a draft", "Close it first: `task.close()`."
            )
        stands = place.record().status
        if stands is Status.IN_PROGRESS and force:
            _move(place, Status.CLOSED)
        if stands is Status.QUEUED and not force:
            raise _refused(place.record(), "a draft", "`Task.dequeue` takes it off its queue.")
        if stands is not Status.CREATED:
            _move(place, Status.CREATED)

    def wait_for_status(
        self,
        status: str | Iterable[str] = ("completed", "stopped", "closed", "published"),
        raise_on: str | Iterable[str] | None = ("failed",),
        timeout: float | None = None,
    ) -> str:
        """Wait until the task comes to one of these statuses, and return it; the server tells at once.

        A status that the task has for a moment only may be missed.

        Args:
            status: One, or several.
            raise_on: Those that are an error; None for none.
            timeout: Seconds; None waits for ever.

        Raises:
            TaskFailed: it came to one of ``raise_on``; a RuntimeError, too.
            WaitTimedOut: it came to none of them in time; a TimeoutError, too.
            UsageError: there is no such status; or this very process runs the task, and would wait for
                itself.
        """
        from elsewhere.contract.errors import TaskFailed, WaitTimedOut

        wanted, bad = _statuses(status), _statuses(raise_on or ())
        place = self._settled()
        record = self._awaited(place, wanted | bad, timeout)
        if record.status in bad:
            raise TaskFailed(
                f"task {record.id} is {record.status}: {record.status_message}".rstrip(": "),
                f"`agent logs {record.id[:12]}` shows what it said.",
            )
        if record.status not in wanted:
            raise WaitTimedOut(
                f"task {record.id} is {record.status} still after {timeout:g} s",
                "Wait longer, or look at it with `agent show`.",
            )
        return record.status.value

    def _awaited(self, place: Place, statuses: frozenset[Status], timeout: float | None) -> TaskRecord:
        record = place.record()
        if record.status in statuses:
            return record
        if place.live:
            raise misuse(
                "this process runs the task, and would wait for its own end",
                "Wait for it in another process, or for another task.",
            )
        return place.store().wait_for_status(record.id, statuses, timeout)

    def _settled(self) -> Place:
        """Where the task is reached: in the store, once its run in this process is over."""
        place = self._place
        over = place.live and (getattr(place, "drafted", False) or place.record().status.ended)
        if not over:
            return place
        from elsewhere.stored import Stored

        return Stored(place.store(), place.id)

    def _end(self, status: str, message: str | None, *, force: bool) -> None:
        from elsewhere.contract.status import Status, may_move
        from elsewhere.desk.ending import Ending

        target = Status(status)
        place = self._settled()
        if not place.live:
            stands = place.record().status
            if stands is target:
                return
            if force and not may_move(stands, target):
                _start(place, force=True)
        _guided(place, lambda: place.end(Ending(target, str(message or "")), END_SECONDS))


def _start(place: Place, *, force: bool) -> None:
    from elsewhere.contract.status import Status

    stands = place.record().status
    if stands is Status.IN_PROGRESS:
        return
    if force and stands is not Status.CREATED:
        _move(place, Status.CREATED, keeps_results=True)
    _move(place, Status.IN_PROGRESS)


def _move(place: Place, target: Status, *, keeps_results: bool = False) -> None:
    store: Store = place.store()
    expected = place.record().status
    _guided(place, lambda: store.move(place.id, target, expected=expected, keeps_results=keeps_results))


def _guided(place: Place, move: Callable[[], object]) -> None:
    """Move the task; where that is refused, say what to do."""
    from elsewhere.contract.errors import IllegalMove
    from elsewhere.contract.status import Status

    try:
        move()
    except IllegalMove as error:
        if not error.next_step:
            published = place.record().status is Status.PUBLISHED
            error.next_step = (
                "It stays as it is; `Task.clone` makes a draft of it."
                if published
                else "Pass force=True if that is meant."
            )
        raise


def _refused(record: TaskRecord, what: str, next_step: str) -> Exception:
    from elsewhere.contract.errors import IllegalMove

    return IllegalMove(f"task {record.id} is {record.status}: it cannot become {what}", next_step)


def _tried(ignore_errors: bool, act: Callable[[], object]) -> bool:
    from elsewhere.contract.errors import ElsewhereError

    try:
        act()
    except ElsewhereError as error:
        if not ignore_errors:
            raise
        from elsewhere.notice import say

        say(str(error))
        return False
    return True


def _statuses(names: str | Iterable[str]) -> frozenset[Status]:
    from elsewhere.contract.status import Status

    try:
        return frozenset(Status(name) for name in ((names,) if isinstance(names, str) else names))
    except ValueError as error:
        known = ", ".join(each.value for each in Status)
        raise misuse(str(error), f"A task can be {known}.") from error
