"""Handing a captured run to a store, so that one submit makes one queued task."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from elsewhere.contract.errors import IllegalMove, ServerUnreachable
from elsewhere.contract.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from elsewhere.contract.task import NewTask, TaskRecord
    from elsewhere.store.protocol import Store

T = TypeVar("T")

TRIES = 4
FIRST_PAUSE_SECONDS = 0.2
"""Wait before the second try of a call; doubled before each further one."""


class Submitted(NamedTuple):
    """What came of a submit."""

    task: TaskRecord
    """As it stands afterwards; with a key that was used before, the task that was made then."""
    position: int
    """How many tasks of its queue stand before it; 0 for one that does not stand in its queue."""


def submit(
    store: Store, new: NewTask, payloads: Iterable[bytes], queue: str, *, submission: str
) -> Submitted:
    """Make a task of ``new`` and its blobs, and put it on ``queue``.

    An answer that is lost is asked for again, a few times. That is safe at each step: a blob
    is kept under its hash, a draft under ``submission``, and a task is queued once. The caller
    has reached the store before, so that one that is not there is known at once. The key
    ``submission`` is remembered for a day: whoever repeats the call with it, from any process,
    gets the task of the first call, which is queued if it was not yet.

    Raises:
        ServerUnreachable: the store does not answer any more. Only a call with the same key is
            sure to make no second task.
    """
    try:
        for payload in payloads:
            insist(partial(store.put_blob, payload))
        draft = insist(lambda: store.create(new, submission=submission))
        position = 0
        if draft.status is Status.CREATED:
            position = enqueue(store, draft.id, queue)
        task = insist(lambda: store.get(draft.id))
    except ServerUnreachable as error:
        raise ServerUnreachable(
            f"{error.what}; whether the task was queued before that is not known",
            "`agent list` shows it, once the server answers.",
        ) from error
    stands = task.status is Status.QUEUED and not task.waits_for
    return Submitted(task, position if stands else 0)


def enqueue(store: Store, task_id: str, queue: str) -> int:
    """Put a draft that the caller has made on ``queue``; its position there.

    Raises:
        ServerUnreachable: the store does not answer any more.
    """
    return insist(lambda: _enqueue(store, task_id, queue))


def _enqueue(store: Store, task_id: str, queue: str) -> int:
    try:
        return store.enqueue(task_id, queue)
    except IllegalMove:
        # A draft no more: an earlier call did come through, and an agent has taken the task
        # since. Or somebody has stopped it. The task itself will say.
        return 0


def insist(call: Callable[[], T]) -> T:
    """Call until the store answers; the last of TRIES failures is the caller's.

    The call must be safe to repeat.
    """
    pause = FIRST_PAUSE_SECONDS
    for _ in range(TRIES - 1):
        try:
            return call()
        except ServerUnreachable:
            time.sleep(pause)
            pause *= 2
    return call()
