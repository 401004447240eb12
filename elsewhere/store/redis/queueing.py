"""Tasks' moves on a server: into queues, out of them, and to their ends."""

from __future__ import annotations

from typing import cast

from elsewhere.contract import keys
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest, TaskRecord
from elsewhere.store import queue_name
from elsewhere.store.redis import waiting
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.connection import answering
from elsewhere.store.redis.editing import flat
from elsewhere.store.redis.job import job_fields
from elsewhere.store.redis.record import encode_stop, pairs, read_record
from elsewhere.store.redis.tasks import Tasks
from elsewhere.store.refusal import illegal_move, no_draft, no_parent, owned
from elsewhere.store.script import Script

ENQUEUE = Script(__file__, "enqueue.lua")
MOVE = Script(__file__, "move.lua")
REQUEST_STOP = Script(__file__, "request_stop.lua")


class Queueing(Tasks):
    """See ``Store`` for what each method promises."""

    def enqueue(self, task_id: str, queue: str) -> int:
        """Move a draft into ``queue``, or let it wait for its parents or its time."""
        arguments = [task_id, queue_name.checked(queue), *flat(job_fields(task_id))]
        answer = ENQUEUE.run(self.connection, [keys.task(task_id)], arguments)
        if answer[0] == b"refused":
            raise no_draft(task_id, answer[1].decode(), answer[2].decode())
        if answer[0] == b"orphan":
            raise no_parent(task_id, answer[1].decode())
        return int(accepted(answer, task_id)[0])

    def dequeue(self, task_id: str) -> TaskRecord:
        """Take a queued task out of its queue: it is a draft again."""
        record = self.get(task_id)
        if record.status is Status.CREATED:
            return record
        return self.move(task_id, Status.CREATED, expected=Status.QUEUED)

    def position(self, task_id: str) -> int | None:
        """The task's place in its queue, from 0."""
        record = self.get(task_id)
        if record.status is not Status.QUEUED or record.queue is None:
            return None
        with answering(self.connection):
            return cast("int | None", self.connection.lpos(keys.rq_queue(record.queue), task_id))

    def queued(self, queue: str) -> int:
        """How many tasks stand in ``queue``."""
        with answering(self.connection):
            return self.connection.llen(keys.rq_queue(queue_name.checked(queue)))

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
        """Move a task that no lease protects from ``expected`` to ``target``."""
        code = "" if exit_code is None else exit_code
        arguments = [task_id, expected.value, target.value, message, code, "1" if keeps_results else ""]
        answer = MOVE.run(self.connection, [keys.task(task_id)], arguments)
        if answer[0] == b"leased":
            raise owned(task_id, answer[1].decode(), answer[2].decode())
        if answer[0] == b"refused":
            raise illegal_move(task_id, answer[1].decode(), f"be moved from {expected} to {target}")
        return read_record(task_id, pairs(accepted(answer, task_id)[0]))

    def request_stop(self, task_id: str, stop: StopRequest) -> Status:
        """Ask for the end of a task."""
        arguments = [task_id, encode_stop(stop), stop.by]
        answer = REQUEST_STOP.run(self.connection, [keys.task(task_id)], arguments)
        return Status(accepted(answer, task_id)[0].decode())

    def wait_for_stop(self, task_id: str, timeout: float | None = None) -> TaskRecord:
        """The task once it is asked to stop, or runs no more."""
        return waiting.wait_for_stop(self.connection, task_id, timeout, self.get)
