"""What a store promises, whatever backs it. Its test suite is ``tests/store``.

Every write is atomic and safe to repeat. Every status change is a compare-and-move:
it is refused unless the task stands where the caller believes. Writes on behalf of
an attempt carry its number, the fence: the store refuses an older one with ``LateWrite``.
All methods may be called from any thread, and raise ``ServerUnreachable`` when the
backing does not answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from elsewhere.contract.built import Built
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.events import Event, EventKind
from elsewhere.contract.query import Page, Query
from elsewhere.contract.series import Scalars, SeriesSummary
from elsewhere.contract.spec import Blob
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, LogChunk, LogKind, NewTask, StopRequest, TaskRecord


class Store(Protocol):
    """Where tasks live."""

    # --- tasks ---------------------------------------------------------------------

    def create(
        self, new: NewTask, *, submission: str | None = None, task_id: str | None = None
    ) -> TaskRecord:
        """Make a draft of ``new`` and return it.

        With the same ``submission`` key (any text; remembered for a day) or the same ``task_id``
        (32 hexadecimal digits, chosen by the caller) the call may be repeated: the task that the
        first call made is returned, as it stands by then.

        Raises:
            SchemaError: a value that cannot be stored; the message names the field.
            UsageError: terms that make no sense, or an id that no task can have.
        """
        ...

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id.

        Raises:
            TaskNotFound: there is none.
            SchemaError: another version of Elsewhere wrote it.
        """
        ...

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``.

        Raises:
            TaskNotFound: there is none, or the prefix is empty or no hexadecimal text.
            AmbiguousTask: there are several; the message lists some.
        """
        ...

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first; only those of one status where ``status`` is given."""
        ...

    def records(self, ids: Sequence[str]) -> list[TaskRecord]:
        """The tasks with these ids, in that order, without those that are not there.

        Raises:
            SchemaError: another version of Elsewhere wrote one of them.
        """
        ...

    def query(self, query: Query) -> Page:
        """The page of tasks that fulfil every condition of ``query``.

        Patterns are searched for in the tasks that all else holds for, some at a time, and for 5
        seconds at most. Tasks that change while a page is put together may be found as they were.

        Raises:
            UsageError: an order or a page that makes no sense, what is no regular expression, or
                one that takes too long.
        """
        ...

    def wait_for_status(
        self, task_id: str, statuses: Collection[Status], timeout: float | None = None
    ) -> TaskRecord:
        """Wait until the task stands in one of ``statuses``, and return it.

        Waiting is a blocking read, never a poll. After ``timeout`` seconds the task is returned
        as it then stands. A status that it has for a moment only may be missed.

        Raises:
            TaskNotFound: there is no such task, or not any more.
        """
        ...

    def clone(
        self,
        task_id: str,
        *,
        name: str | None = None,
        comment: str | None = None,
        parent: str | None = None,
        project: str | None = None,
    ) -> TaskRecord:
        """Make a draft of what the task runs with, and return it.

        Spec, terms, parameters with what is known and overridden of them, configurations, type and
        tags are copied; results, properties and system tags are not. What is None is the
        task's own, but for the name, ``Clone Of NAME``, and the parent, which is the task itself.

        Not safe to repeat: each call makes a task.

        Raises:
            TaskNotFound: there is no such task.
            SchemaError: a newer version of Elsewhere wrote it.
        """
        ...

    def delete(self, task_id: str, *, force: bool = False) -> None:
        """Delete the task and all that is kept of it; blobs stay, since others may hold the same.

        Tasks that wait for it are stopped, and those whose ``parent`` it is have none then.

        Args:
            task_id: The task.
            force: Also what is published, or runs at a desk, whose next write is refused then.

        Raises:
            IllegalMove: an attempt owns it; or it takes force.
            TaskNotFound: there is no such task.
        """
        ...

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft into ``queue``, wake the takers, and return its position from 0.

        It goes behind all of the same or a higher priority. Where it has to wait for parents
        or for its time it is ``queued``, but stands in the queue only when they have completed
        and it has come; ``waits_for`` says so. When a parent has ended otherwise, or does later,
        it is ``stopped``. For a task that does not stand in the queue the length of it is returned.

        Repeating the call for a task that already is in that queue changes nothing.

        Raises:
            IllegalMove: the task is no draft.
            TaskNotFound: there is no such task, or no such parent.
        """
        ...

    def dequeue(self, task_id: str) -> TaskRecord:
        """Take a queued task out of its queue: it is a draft again, as after a reset.

        Repeating the call for a draft changes nothing.

        Raises:
            IllegalMove: it is neither queued nor a draft.
            TaskNotFound: there is no such task.
        """
        ...

    def position(self, task_id: str) -> int | None:
        """The task's place in its queue, from 0; None where it stands in none, or waits elsewhere.

        Raises:
            TaskNotFound: there is no such task.
        """
        ...

    def queued(self, queue: str) -> int:
        """How many tasks stand in ``queue``; those that wait for parents or their time are not counted.

        Raises:
            UsageError: no queue can have that name.
        """
        ...

    def move(
        self,
        task_id: str,
        target: Status,
        *,
        expected: Status,
        message: str = "",
        exit_code: int | None = None,
    ) -> TaskRecord:
        """Move a task from ``expected`` to ``target``, if that is legal and it stands there.

        This is for tasks that no lease protects: drafts, queued ones, and runs at a desk. A
        queued task leaves its queue. A task with a live lease is refused: its attempt ends it.
        Back to a draft, which is how a task is reset, it loses its log, series, progress and times;
        it keeps what it runs with, its tags and its properties.

        Raises:
            IllegalMove: it stands elsewhere, the move is not legal, or an attempt owns it.
            TaskNotFound: there is no such task.
        """
        ...

    def set_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Merge ``parameters`` into the task's; name those set by hand in ``overrides``.

        ``sequence`` is the number of the write among those of ``attempt``, as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def replace_parameters(
        self,
        task_id: str,
        parameters: Mapping[str, JSONValue],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
        overrides: tuple[str, ...] | None = None,
    ) -> None:
        """Let ``parameters`` take the place of the task's, all else as in ``set_parameters``.

        Of those that are gone, what is known and that they were set by hand is gone, too.
        """
        ...

    def delete_parameters(
        self,
        task_id: str,
        names: Collection[str],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Drop parameters, and what is known of them; names that nobody has are passed over.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def edit(
        self, task_id: str, edit: Edit, *, attempt: int | None = None, sequence: int | None = None
    ) -> TaskRecord:
        """Make the changes of ``edit``, all or none, and return the task.

        Possible at any status, but for the spec. Edits made at the same time merge field by field.
        ``archived`` is a system tag. ``sequence`` as in ``append_log``.

        Raises:
            IllegalMove: another spec for what is no draft.
            LateWrite: ``attempt`` is given and is not the task's newest.
            SchemaError: a value that cannot be stored.
            TaskNotFound: there is no such task.
            UsageError: a progress outside of 0 to 100, or an empty name, project or type.
        """
        ...

    def set_configuration(
        self,
        task_id: str,
        name: str,
        configuration: Configuration,
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Keep ``configuration``, whose blob was put before, under its name.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def delete_configuration(
        self, task_id: str, name: str, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Drop the configuration of that name, if there is one; raises what ``set_configuration`` does."""
        ...

    def configuration(self, task_id: str, name: str) -> Configuration | None:
        """The configuration of that name; None where there is none.

        Raises:
            SchemaError: another version of Elsewhere wrote it.
        """
        ...

    def configurations(self, task_id: str) -> dict[str, Configuration]:
        """All configurations of the task, by name.

        Raises:
            SchemaError: another version of Elsewhere wrote one of them.
        """
        ...

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task, and return the status that it has after the call.

        A draft or queued task is ``stopped`` at once. A running one gets the request, which
        its supervisor follows; an ended one stays as it is.
        """
        ...

    def set_built(
        self, task_id: str, built: Built, *, attempt: int | None = None, sequence: int | None = None
    ) -> None:
        """Keep what the attempt's environment really holds; ``sequence`` as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
        """
        ...

    def built(self, task_id: str) -> Built | None:
        """What the environment of the newest attempt that came so far held; None before the first.

        Raises:
            SchemaError: another version of Elsewhere wrote it.
        """
        ...

    # --- the log -------------------------------------------------------------------

    def append_log(
        self,
        task_id: str,
        attempt: int,
        sequence: int,
        data: bytes,
        kind: LogKind = "output",
        *,
        skipped: int = 0,
    ) -> None:
        """Append chunk number ``sequence`` (from 1, without gaps) of an attempt to the log.

        Everything that an attempt writes in order, log chunks, events, parameters, scalars and what
        was built, shares one line of numbers. A number that was already taken is dropped in silence,
        so a call whose answer was lost may be repeated. ``skipped`` numbers before this one were given up
        by the writer. A ``live`` chunk is replaced by whatever the log gets next. Over the store's
        cap (64 MiB a task) the oldest chunks are cut.

        Raises:
            LateWrite: ``attempt`` is not the task's newest, or the task has ended.
            ValueError: the number leaves a gap.
        """
        ...

    def read_log(self, task_id: str, after: str = "", limit: int = 1000) -> list[LogChunk]:
        """At most ``limit`` chunks after position ``after`` ("" is the start), in order.

        Where the cap has cut the beginning, the first chunk read from the start is a ``note``
        that says how many bytes are missing.
        """
        ...

    def follow_log(self, task_id: str, after: str = "") -> Iterator[LogChunk]:
        """Chunks after ``after`` as they come, until the ``end`` chunk, which is the last one given.

        Waiting is a blocking read, never a poll. The iterator also ends, without an ``end``
        chunk, when the task has ended without one.
        """
        ...

    # --- events --------------------------------------------------------------------

    def record_event(
        self,
        task_id: str,
        kind: EventKind,
        detail: str = "",
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append to the task's events; ``sequence`` as in ``append_log``.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
        """
        ...

    def events(self, task_id: str) -> list[Event]:
        """The task's events, the oldest first (the newest 1,000)."""
        ...

    # --- series --------------------------------------------------------------------

    def add_scalars(
        self,
        task_id: str,
        batch: Sequence[Scalars],
        *,
        attempt: int | None = None,
        sequence: int | None = None,
    ) -> None:
        """Append points to their series; ``sequence`` as in ``append_log``.

        Times are kept to the millisecond, values in full. Points of a later attempt follow those
        of an earlier one, until the task is reset. Over the store's cap (128 MiB a task, more than
        ten million points) the largest series gets coarser: neighbouring chunks become one that
        keeps their lows and highs, and the summary counts what went. A task has 4,096 series at
        most: points of further ones are dropped, and its log says so once.

        Raises:
            LateWrite: ``attempt`` is given and is not the task's newest.
            TaskNotFound: there is no such task.
            ValueError: columns of several lengths, a name that is empty or longer than 256
                characters, or a number that leaves a gap.
        """
        ...

    def scalars(
        self,
        task_id: str,
        title: str | None = None,
        series: str | None = None,
        *,
        max_points: int | None = 2000,
    ) -> list[Scalars]:
        """The series with that title and name, or all, each drawn from at most ``max_points`` points.

        A longer series is given by the lows and highs of equal stretches, and of each stretch that
        holds NaN by one of those, too: of at least half as many points as were asked for, for no
        spike to be lost. That is quick however long the series is. None reads every point held.

        Raises:
            ValueError: ``max_points`` is below 3.
        """
        ...

    def series(self, task_id: str, title: str | None = None) -> list[SeriesSummary]:
        """The task's series, or those with one title, without points, by title and name."""
        ...

    # --- blobs ---------------------------------------------------------------------

    def put_blob(self, data: bytes) -> Blob:
        """Keep ``data`` under its hash. Repeating it costs one look-up."""
        ...

    def get_blob(self, blob: Blob) -> bytes:
        """The bytes of ``blob``, verified against its hash.

        Raises:
            CorruptBlob: they are missing, incomplete or altered.
        """
        ...

    # --- agents --------------------------------------------------------------------

    def serving(self, queue: str) -> list[str]:
        """Names of the agents that are alive and serve ``queue``."""
        ...

    def close(self) -> None:
        """Give back connections. The store may not be used afterwards."""
        ...
