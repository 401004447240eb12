"""Moves of tasks in memory: in and out of queues, to their ends, and back to drafts."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace

from elsewhere.contract.status import Status, may_move
from elsewhere.contract.task import TaskRecord
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.refusal import illegal_move, no_draft, no_parent, not_found
from elsewhere.store.terms_rules import for_parents, is_met, parent_failed, until


class Moves:
    """All shelves, and the queues. Whoever calls holds the store's lock, which is ``changed``'s."""

    def __init__(self, changed: threading.Condition) -> None:
        self.shelves: dict[str, Shelf] = {}
        self.queues: defaultdict[str, list[str]] = defaultdict(list)
        self._changed = changed

    def shelf(self, task_id: str) -> Shelf:
        """The shelf of a task."""
        if task_id not in self.shelves:
            raise not_found(task_id)
        return self.shelves[task_id]

    def enqueue(self, shelf: Shelf, queue: str) -> int:
        """Move a draft into a queue, or let it wait; answers its position."""
        stands = shelf.task
        stopped = stands.status is Status.STOPPED and stands.status_message.startswith(parent_failed(""))
        if stands.queue == queue and (stands.status is Status.QUEUED or stopped):
            return self.position(shelf)
        if stands.status is not Status.CREATED:
            raise no_draft(shelf.task.id, stands.status.value, stands.queue)
        parents = [self.parent(stands.id, parent) for parent in dict.fromkeys(stands.terms.parents)]
        shelf.change(status=Status.QUEUED, queue=queue)
        shelf.record("queued", queue)
        unmet = [parent for parent in parents if not is_met(parent.status, parent.exit_code)]
        failed = [parent.id for parent in unmet if parent.status.ended]
        if failed:
            self.end(shelf, Status.STOPPED, parent_failed(failed[0]), None)
        else:
            self.line_up(shelf, [parent.id for parent in unmet])
        return self.position(shelf)

    def move(
        self,
        shelf: Shelf,
        target: Status,
        expected: Status,
        message: str,
        exit_code: int | None,
        keeps_results: bool,
    ) -> None:
        """Move a task from ``expected`` to ``target``."""
        origin = shelf.task.status
        # Only enqueue knows a queue to move into.
        if origin is not expected or target is Status.QUEUED or not may_move(origin, target):
            raise illegal_move(shelf.task.id, origin.value, f"be moved from {expected} to {target}")
        if target.ended and not origin.ended:
            self.end(shelf, target, message, exit_code)
            return
        if target is Status.CREATED:
            self.reset(shelf, message, keeps_results)
        elif target is Status.IN_PROGRESS:
            self.run_here(shelf, message)
        else:
            shelf.change(status=target, status_message=message or shelf.task.status_message)
        shelf.record("moved", f"{origin} to {target}")

    def parent(self, task_id: str, parent: str) -> TaskRecord:
        """A parent of a task."""
        if parent not in self.shelves:
            raise no_parent(task_id, parent)
        return self.shelves[parent].task

    def position(self, shelf: Shelf) -> int:
        """Where a task stands in its queue; the queue's length where it does not."""
        line = self.queues[str(shelf.task.queue)]
        return line.index(shelf.task.id) if shelf.task.id in line else len(line)

    def line_up(self, shelf: Shelf, unmet: list[str]) -> None:
        """Wait for parents, then for the task's time, then in its queue."""
        terms, shelf.parents_left = shelf.task.terms, unmet
        if unmet:
            shelf.change(waits_for=for_parents(len(unmet), unmet[0]))
        elif terms.run_at is not None and terms.run_at > time.time():
            shelf.change(waits_for=until(terms.run_at))
        else:
            shelf.change(waits_for="")
            line = self.queues[str(shelf.task.queue)]
            place = len(line)
            while place and self.shelves[line[place - 1]].task.terms.priority < terms.priority:
                place -= 1
            line.insert(place, shelf.task.id)

    def leave_queue(self, shelf: Shelf) -> None:
        """The task stands in no queue, and waits for nothing."""
        line = self.queues[shelf.task.queue] if shelf.task.queue else []
        if shelf.task.id in line:
            line.remove(shelf.task.id)
        shelf.parents_left = []
        shelf.change(waits_for="")

    def end(self, shelf: Shelf, target: Status, message: str, exit_code: int | None) -> None:
        """The task ends, and those that wait for it go on or end."""
        self._end_one(shelf, target, message, exit_code)
        for child in [other for other in self.shelves.values() if shelf.task.id in other.parents_left]:
            if target is not Status.COMPLETED:
                self.end(child, Status.STOPPED, parent_failed(shelf.task.id), None)
                continue
            left = [parent for parent in child.parents_left if parent != shelf.task.id]
            if not left:
                child.record("queued", f"{child.task.queue}: all parents have completed")
            self.line_up(child, left)

    def _end_one(self, shelf: Shelf, target: Status, message: str, exit_code: int | None) -> None:
        self.leave_queue(shelf)
        shelf.change(status=target, status_message=message, exit_code=exit_code, ended=time.time(), stop=None)
        shelf.write("end", b"")
        line = message.partition("\n")[0]
        shelf.record("ended", f"{target}: {line}" if line else target.value)
        self._changed.notify_all()

    def run_here(self, shelf: Shelf, message: str) -> None:
        """The task runs without a lease."""
        self.leave_queue(shelf)
        shelf.sequence = 0
        shelf.change(
            status=Status.IN_PROGRESS,
            status_message=message,
            attempt=shelf.task.attempt + 1,
            agent=None,
            queue=None,
            started=shelf.task.started or time.time(),
        )

    def reset(self, shelf: Shelf, message: str, keeps_results: bool) -> None:
        """The task is a draft again."""
        self.leave_queue(shelf)
        if keeps_results:
            shelf.reopen_log()
        else:
            shelf.forget_results()
        # The attempt number stays: it is the fence against whoever ran before.
        shelf.task = replace(
            shelf.task,
            status=Status.CREATED,
            status_message=message,
            lost_attempts=0,
            agent=None,
            queue=None,
            exit_code=None,
            started=None,
            ended=None,
            stop=None,
            retries_used=0,
            progress=None,
            updated=time.time(),
        )

    def delete(self, shelf: Shelf) -> None:
        """The task is no more: those that wait for it end, those that came of it come of nothing."""
        if not shelf.task.status.ended:
            self.end(shelf, Status.STOPPED, "deleted", None)
        del self.shelves[shelf.task.id]
        for other in self.shelves.values():
            if other.task.parent == shelf.task.id:
                other.change(parent=None)
        self._changed.notify_all()
