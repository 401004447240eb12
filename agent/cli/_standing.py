"""Where tasks stand: whether they can be heard, and in words for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elsewhere.contract.status import Status

if TYPE_CHECKING:
    import redis

    from elsewhere.contract.task import TaskRecord

SHOWN_DIGITS = 12
"""Digits of an id that people are shown where there is little room."""

_ID = re.compile(r"\b[0-9a-f]{32}\b")


def lost_contact(connection: redis.Redis, tasks: Sequence[TaskRecord]) -> set[str]:
    """Ids of those of ``tasks`` that run, and were not heard of for a while."""
    import queueing

    running = [task.id for task in tasks if task.status is Status.IN_PROGRESS]
    return queueing.out_of_contact(connection, running) if running else set()


def standing(task: TaskRecord, lost: bool, digits: int = SHOWN_DIGITS) -> str:
    """The status with what there is to add, such as ``queued (waits for parent 0a1b2c3d4e5f)``."""
    if task.waits_for:
        shortened = _ID.sub(lambda found: found[0][:digits], task.waits_for)
        return f"{task.status} (waits {shortened})"
    return f"{task.status} (lost contact)" if lost else task.status.value
