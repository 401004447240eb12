"""Tasks' moves: into queues, out of them, and to their ends."""

from __future__ import annotations

from typing import Protocol

from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest, TaskRecord


class Queueing(Protocol):
    """See ``elsewhere.store.protocol`` for what holds for all of it."""

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
        keeps_results: bool = False,
    ) -> TaskRecord:
        """Move a task from ``expected`` to ``target``, if that is legal and it stands there.

        This is for tasks that no lease protects: drafts, queued ones, and runs at a desk. A
        queued task leaves its queue. A task with a live lease is refused: its attempt ends it.
        Back to a draft, which is how a task is reset, it loses its log, series, progress and times;
        it keeps what it runs with, its tags and its properties; with ``keeps_results`` also its log,
        which goes on where it ended, its series, and what was built: so a task is continued.

        Raises:
            IllegalMove: it stands elsewhere, the move is not legal, or an attempt owns it.
            TaskNotFound: there is no such task.
        """
        ...

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task, and return the status that it has after the call.

        A draft or queued task is ``stopped`` at once. A running one gets the request, which
        its supervisor follows, or at a desk the run itself; an ended one stays as it is.
        """
        ...

    def wait_for_stop(self, task_id: str, timeout: float | None = None) -> TaskRecord:
        """Wait until a running task is asked to stop, or runs no more, and return it.

        Waiting is a blocking read, never a poll. After ``timeout`` seconds the task is returned
        as it then stands.

        Raises:
            TaskNotFound: there is no such task, or not any more.
        """
        ...
