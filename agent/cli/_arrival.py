"""When a task that says how far it has come will be through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elsewhere.contract.status import Status

if TYPE_CHECKING:
    from elsewhere.contract.task import TaskRecord
    from elsewhere.store.protocol import Store


def arrival(store: Store, task: TaskRecord, now: float) -> float | None:
    """When the task arrives at 100 percent if it goes on as it went until ``now``.

    In seconds since the epoch, by the server's clock like ``now``; None for a task that does not
    run, or that has not said how far it is.
    """
    if task.status is not Status.IN_PROGRESS or not task.progress or task.progress >= 100:
        return None
    begun = _begun(store, task)
    return None if begun is None else begun + max(0.0, now - begun) * 100 / task.progress


def percent(task: TaskRecord) -> str:
    """How far it has come, in words for people; "" where nobody said."""
    if task.progress is None:
        return ""
    # Never rounded up to what it has not come to.
    return f"{int(task.progress * 10) / 10:g}%"


def _begun(store: Store, task: TaskRecord) -> float | None:
    """When the attempt began that runs now: ``started`` tells of the first one."""
    if task.attempt > 1:
        for event in reversed(store.events(task.id)):
            if event.kind == "claimed" or (event.kind == "moved" and event.detail.endswith("to in_progress")):
                return event.time
    return task.started
