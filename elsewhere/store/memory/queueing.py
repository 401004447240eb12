"""Tasks' moves in memory: into queues, out of them, and to their ends."""

from __future__ import annotations

from elsewhere.contract.outcome import Stopped, message_of
from elsewhere.contract.status import Status
from elsewhere.contract.task import (
    StopRequest,
    TaskRecord,
)
from elsewhere.store import queue_name
from elsewhere.store.memory.tasks import Tasks


class Queueing(Tasks):
    """See ``Store`` for what each method promises."""

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft into ``queue``, or let it wait for its parents or its time."""
        queue_name.checked(queue)
        with self._changed:
            return self._moves.enqueue(self._moves.shelf(task_id), queue)

    def dequeue(self, task_id: str) -> TaskRecord:
        """Take a queued task out of its queue: it is a draft again."""
        record = self.get(task_id)
        if record.status is Status.CREATED:
            return record
        return self.move(task_id, Status.CREATED, expected=Status.QUEUED)

    def position(self, task_id: str) -> int | None:
        """The task's place in its queue, from 0."""
        with self._changed:
            line = self._moves.queues.get(str(self._moves.shelf(task_id).task.queue), [])
            return line.index(task_id) if task_id in line else None

    def queued(self, queue: str) -> int:
        """How many tasks stand in ``queue``."""
        with self._changed:
            return len(self._moves.queues.get(queue_name.checked(queue), []))

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
        """Move a task from ``expected`` to ``target``."""
        with self._changed:
            shelf = self._moves.shelf(task_id)
            self._moves.move(shelf, target, expected, message, exit_code, keeps_results)
            return shelf.task

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task."""
        with self._changed:
            shelf = self._moves.shelf(task_id)
            if shelf.task.status.ended:
                return shelf.task.status
            shelf.record("stop_requested", stop.by)
            if shelf.task.status is Status.IN_PROGRESS:
                shelf.change(stop=stop)
                self._changed.notify_all()
            else:
                self._moves.end(shelf, Status.STOPPED, message_of(Stopped(stop.by)), None)
            return shelf.task.status

    def wait_for_stop(self, task_id: str, timeout: float | None = None) -> TaskRecord:
        """The task once it is asked to stop, or runs no more."""

        def over() -> bool:
            task = self._moves.shelf(task_id).task
            return task.stop is not None or task.status is not Status.IN_PROGRESS

        with self._changed:
            self._changed.wait_for(over, timeout)
            return self._moves.shelf(task_id).task
