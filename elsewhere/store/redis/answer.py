"""What scripts answer, read alike by the store and by the taking side.

The first item of an answer is a word: ``ok``, or why nothing was done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elsewhere.contract.errors import IllegalMove, LateWrite, TaskNotFound


def accepted(answer: Sequence[Any], task_id: str, attempt: int | None = None) -> list[Any]:
    """The items of an answer after its ``ok``.

    Raises:
        TaskNotFound: the answer is ``missing``.
        LateWrite: it is ``late``: ``attempt`` does not own the task any more.
    """
    word = answer[0].decode()
    if word == "missing":
        raise TaskNotFound(f"no task has the id {task_id}")
    if word == "late":
        raise late_write(task_id, attempt, answer[1].decode(), int(answer[2]))
    if word != "ok":
        raise AssertionError(f"an answer that nobody reads: {answer!r}")
    return list(answer[1:])


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
