"""Take a task: pop, attempt number, owner and lease in one atomic step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import redis

from elsewhere.contract import keys
from elsewhere.contract.codec import SCHEMA
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.lease import Claim, Lease, Offer, Reserve
from elsewhere.contract.outcome import NeverRan, Step
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.record import encode_tag, pairs, read_record
from elsewhere.store.refusal import illegal_move
from elsewhere.store.script import Script
from queueing.duration import milliseconds
from queueing.lease import commit

TAKE = Script(__file__, "take.lua")
TAKE_TASK = Script(__file__, "take_task.lua")


def take(
    connection: redis.Redis,
    agent: str,
    queues: Sequence[str],
    offer: Offer,
    lease_seconds: float,
    token: str | None = None,
    reserve: Reserve | None = None,
) -> Claim | None:
    """Claim the first task of ``queues``, in their order, whose needs fit ``offer``; None if none does.

    Paused queues are skipped, tasks that do not fit are left where they stand, and so are those
    that a newer version of Elsewhere wrote. One whose data is damaged fails and is passed over.
    With ``reserve``, a task that has no room now does not wait for ever: room is kept for it, and
    tasks behind it that fit may be left where they stand. To be called again well within the lease,
    also while nothing happens, or the room is kept no longer.
    When the answer is lost on the way, the same call with the same ``token`` (any text that no
    other take uses) gives the same claim, its lease lasting from then on. Without a token, or when
    the call is not repeated, the claimed task comes back through ``reap`` once its lease is over.
    """
    taker = (agent, milliseconds(lease_seconds), token or "", SCHEMA, _words(offer), *_told(reserve))
    while True:
        answer = TAKE.run(connection, (), [*taker, *queues])
        if answer is None:
            return None
        with suppress(SchemaError):
            return _claim(connection, answer[0].decode(), agent, lease_seconds, answer[1])


def take_task(connection: redis.Redis, agent: str, task_id: str, lease_seconds: float) -> Claim:
    """Claim one given task, a draft or a queued one, whatever it needs and whether paused or not.

    Raises:
        IllegalMove: the task runs or has ended.
        TaskNotFound: there is no such task.
        SchemaError: a newer version wrote it, and it stays as it was; or its data is damaged, and it fails.
    """
    arguments = (task_id, agent, milliseconds(lease_seconds), SCHEMA)
    answer = TAKE_TASK.run(connection, [keys.task(task_id)], arguments)
    if answer[0] == b"refused":
        raise illegal_move(task_id, answer[1].decode(), "be executed", "Reset it to run it again.")
    if answer[0] == b"newer":
        raise SchemaError(
            f"task {task_id}: stored with schema version {answer[1].decode()}, this side reads {SCHEMA}"
        )
    return _claim(connection, task_id, agent, lease_seconds, accepted(answer, task_id)[0])


def _words(offer: Offer) -> str:
    """An offer as ``fits.lua`` reads it."""
    place = 0 if not offer.without_gpus else 2 if offer.lends_gpus else 1
    gpu_memory = ",".join(map(str, offer.gpu_memory)) or "-"
    tags = map(encode_tag, offer.tags)
    return " ".join([str(offer.gpus), str(offer.memory_bytes), str(place), gpu_memory, *tags])


def _told(reserve: Reserve | None) -> tuple[str, float, str]:
    if reserve is None:
        return "", 0, ""
    everywhere = "1" if reserve.across_queues else ""
    return _words(reserve.capacity), round(reserve.after_seconds * 1000), everywhere


def _claim(
    connection: redis.Redis, task_id: str, agent: str, lease_seconds: float, fields: list[bytes]
) -> Claim:
    """The claim of what the hash holds; a task that cannot be read has failed when this raises."""
    stored = pairs(fields)
    lease = Lease(task_id, int(stored[b"attempt"]), agent, lease_seconds)
    try:
        return Claim(lease, read_record(task_id, stored))
    except SchemaError as error:
        # Whoever takes it next could not read it either: without an end it would go round for ever.
        commit(connection, lease, NeverRan(Step.WORKSPACE, str(error)))
        raise
