"""Why a store does nothing: the errors that all stores raise alike."""

from __future__ import annotations

import hashlib

from elsewhere.contract.errors import CorruptBlob, IllegalMove, LateWrite, TaskNotFound
from elsewhere.contract.spec import Blob


def not_found(task_id: str) -> TaskNotFound:
    """The error for an id that no task has."""
    return TaskNotFound(f"no task has the id {task_id}")


def late_write(task_id: str, attempt: int | None, status: str, newest: int) -> LateWrite:
    """The error for a write of an attempt that does not own its task any more."""
    if attempt == newest:
        return LateWrite(f"attempt {attempt} of task {task_id} does not own it any more: it is {status}")
    return LateWrite(
        f"attempt {attempt} of task {task_id} does not own it: its newest attempt is {newest}, it is {status}"
    )


def illegal_move(task_id: str, status: str, wish: str, next_step: str = "") -> IllegalMove:
    """The error for a move that is refused; ``wish`` completes "and cannot"."""
    return IllegalMove(f"task {task_id} is {status} and cannot {wish}", next_step)


def no_draft(task_id: str, status: str, queue: str | None) -> IllegalMove:
    """The error for enqueuing a task that is no draft."""
    where = f"{status} in {queue}" if status == "queued" and queue else status
    first = "take it off that queue (`Task.dequeue`)" if status == "queued" else "reset the task"
    return illegal_move(task_id, where, "be enqueued", f"Only a draft can; {first} first.")


def no_parent(task_id: str, parent: str) -> TaskNotFound:
    """The error for a task whose parent is no task."""
    return TaskNotFound(f"no task has the id {parent}, which is a parent of task {task_id}")


def owned(task_id: str, status: str, agent: str, wish: str = "be moved") -> IllegalMove:
    """The error for moving a task that an attempt owns; ``wish`` as for ``illegal_move``."""
    return illegal_move(
        task_id,
        f"{status} on agent {agent}",
        wish,
        f"Stop it (`agent stop {task_id[:12]}`): its attempt ends it.",
    )


def verify(blob: Blob, data: bytes) -> None:
    """Check bytes against the hash that they were kept under.

    Raises:
        CorruptBlob: they are others.
    """
    if len(data) != blob.size or hashlib.sha256(data).hexdigest() != blob.sha256:
        raise CorruptBlob(f"blob {blob.sha256}: the {len(data)} bytes in the store are not those put there")


def missing_blob(blob: Blob) -> CorruptBlob:
    """The error for bytes that the store does not hold."""
    return CorruptBlob(f"the store does not hold the {blob.size} bytes of blob {blob.sha256}")
