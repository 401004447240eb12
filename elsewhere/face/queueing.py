"""Putting tasks on queues, and taking them off."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.store.protocol import Store
    from elsewhere.task import Task


class Queueing(Face):
    """Where a task stands among those that wait for an agent."""

    @classmethod
    def enqueue(
        cls,
        task: Task | str,
        queue_name: str | None = None,
        queue_id: str | None = None,
        force: bool = False,
    ) -> Task:
        """Put a draft on a queue, for an agent to run it; one that is on it already stays where it is.

        Args:
            task: A task, its id, or the first digits of it.
            queue_name: The queue; it need not be there yet.
            queue_id: The same: a queue's name is its id.
            force: Make a draft of it first, where it is none: out of another queue, or after its end,
                when its log and series are lost.

        Returns:
            The task.

        Raises:
            IllegalMove: it is no draft; or, with ``force``, it runs or is published.
            TaskNotFound: no task has that id.
            UsageError: no queue is named, or both are; or the task has nothing to run.
        """
        from elsewhere.face.handles import handle, id_of, store_of

        queue = _queue(queue_name, queue_id)
        task_id, store = id_of(task), store_of(task)
        _require_script(store, task_id)
        if force:
            _make_draft(store, task_id, queue)
        store.enqueue(task_id, queue)
        return handle(task_id) if isinstance(task, str) else task

    @classmethod
    def dequeue(cls, task: Task | str) -> Task:
        """Take a task off its queue: it is a draft again, and is returned.

        Args:
            task: A task, its id, or the first digits of it.

        Raises:
            IllegalMove: it is neither queued nor a draft.
            TaskNotFound: no task has that id.
        """
        from elsewhere.face.handles import handle, id_of, store_of

        task_id = id_of(task)
        store_of(task).dequeue(task_id)
        return handle(task_id) if isinstance(task, str) else task

    @classmethod
    def get_num_enqueued_tasks(cls, queue_name: str | None = None, queue_id: str | None = None) -> int:
        """How many tasks stand in a queue, without those that wait for their parents or their time.

        Args:
            queue_name: The queue; one that nobody knows is empty.
            queue_id: The same: a queue's name is its id.

        Raises:
            UsageError: no queue is named, or both are, or none can have that name.
        """
        from elsewhere.face.stores import the_store

        return the_store().queued(_queue(queue_name, queue_id))

    @property
    def queue_position(self) -> int | None:
        """How many tasks are before it in its queue; None where it stands in none, or waits elsewhere."""
        if self._place.given:
            return None  # it runs here; an attempt may have no way to the queues
        return self._place.store().position(self._place.id)

    def get_queue_position(self) -> int | None:
        """The same as ``queue_position``."""
        return self.queue_position


def _queue(queue_name: str | None, queue_id: str | None) -> str:
    if bool(queue_name) == bool(queue_id):
        what = "queue_name and queue_id both name a queue" if queue_name else "no queue is named"
        raise misuse(what, "Give queue_name alone.")
    return queue_name or queue_id or ""


def _make_draft(store: Store, task_id: str, queue: str) -> None:
    from elsewhere.contract.status import Status

    record = store.get(task_id)
    queued_there = record.status is Status.QUEUED and record.queue == queue
    if record.status is not Status.CREATED and not queued_there:
        store.move(task_id, Status.CREATED, expected=record.status)


def _require_script(store: Store, task_id: str) -> None:
    from elsewhere.contract.status import Status

    record = store.get(task_id)
    # Of a run at a desk it may not be known yet; the store refuses that one.
    if record.status is not Status.IN_PROGRESS and not record.spec.entry.script:
        raise misuse(
            f"there is nothing to run in task {task_id}", "Say what: `task.set_script(entry_point=…)`."
        )
