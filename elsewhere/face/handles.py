"""From ids, and what people write for them, to tasks in hand."""

from __future__ import annotations

from elsewhere.bound import Bound, in_attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elsewhere.store.protocol import Store
    from elsewhere.task import Task


def handle(task_id: str) -> Task:
    """The task of that id: where this process runs it, as it is written to here."""
    return handles([task_id])[0]


def handles(ids: Sequence[str]) -> list[Task]:
    """The tasks of these ids, in order."""
    from elsewhere.stored import Stored
    from elsewhere.task import Task

    known = {task.id: task for task in _own()}
    if all(task_id in known for task_id in ids):
        return [known[task_id] for task_id in ids]
    from elsewhere.face.stores import the_store

    store = the_store()
    return [known.get(task_id) or Task(Stored(store, task_id)) for task_id in ids]


def id_of(task: Task | str) -> str:
    """The whole id of a task, or of what somebody wrote for one: an id, or its first digits.

    Raises:
        TaskNotFound: no task has an id that begins so.
        AmbiguousTask: several have.
        UsageError: it is neither task nor text; or another task, in an attempt without a server.
    """
    if not isinstance(task, str):
        from elsewhere.face.face import Face, misuse

        if not isinstance(task, Face):
            raise misuse(f"{task!r:.80} is no task", "Give a task, or the id of one.")
        return task.id
    wanted = task.strip().lower()
    if any(task.id == wanted for task in _own()):
        return wanted
    from elsewhere.face.stores import the_store

    return the_store().resolve(wanted)


def store_of(task: Task | str) -> Store:
    """The store that has the task, with all that was written to the task here."""
    from elsewhere.face.stores import the_store

    return the_store() if isinstance(task, str) else task._place.store()


def _own() -> list[Task]:
    """The tasks that this process runs."""
    from elsewhere.face.opening import opened
    from elsewhere.task import Task

    return opened() or ([Task(Bound())] if in_attempt() else [])
