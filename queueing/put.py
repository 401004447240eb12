"""Put a task onto a queue."""

from __future__ import annotations

from elsewhere.store.protocol import Store


def put(store: Store, task_id: str, queue: str) -> int:
    """Move the draft to the end of ``queue`` and return its position from 0.

    Safe to repeat.

    Raises:
        IllegalMove: the task is no draft.
        TaskNotFound: there is no such task.
    """
    return store.enqueue(task_id, queue)
