"""What scripts answer, read alike by the store and by the taking side.

The first item of an answer is a word: ``ok``, or why nothing was done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elsewhere.store.refusal import late_write, not_found


def accepted(answer: Sequence[Any], task_id: str, attempt: int | None = None) -> list[Any]:
    """The items of an answer after its ``ok``.

    Raises:
        TaskNotFound: the answer is ``missing``.
        LateWrite: it is ``late``: ``attempt`` does not own the task any more.
    """
    word = answer[0].decode()
    if word == "missing":
        raise not_found(task_id)
    if word == "late":
        raise late_write(task_id, attempt, answer[1].decode(), int(answer[2]))
    if word != "ok":
        raise AssertionError(f"an answer that nobody reads: {answer!r}")
    return list(answer[1:])
