"""Tasks: made, found, waited for, copied, deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from elsewhere.contract.query import Page, Query
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord


class Tasks(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

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
