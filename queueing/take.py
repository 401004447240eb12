"""Take a task: pop, attempt number, owner and lease in one atomic step."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from elsewhere.contract import keys
from elsewhere.contract.lease import Claim, Lease, Offer
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.record import encode_tag, pairs, read_record
from elsewhere.store.refusal import illegal_move
from elsewhere.store.script import Script

TAKE = Script(__file__, "take.lua")
TAKE_TASK = Script(__file__, "take_task.lua")


def take(
    connection: redis.Redis,
    agent: str,
    queues: Sequence[str],
    offer: Offer,
    lease_seconds: float,
    token: str | None = None,
) -> Claim | None:
    """Claim the first task of ``queues``, in their order, whose needs fit ``offer``; None if none does.

    Paused queues are skipped, tasks that do not fit are left where they stand. When the answer
    is lost on the way, the same call with the same ``token`` (any text that no other take uses)
    gives the same claim, its lease lasting from then on. Without a token, or when the call is not
    repeated, the claimed task comes back through ``reap`` once its lease is over.
    """
    tags = " ".join(map(encode_tag, offer.tags))
    slot = (agent, milliseconds(lease_seconds), offer.gpus, offer.memory_bytes)
    answer = TAKE.run(connection, (), [*slot, tags, token or "", *queues])
    if answer is None:
        return None
    return _claim(answer[0].decode(), agent, lease_seconds, answer[1])


def take_task(connection: redis.Redis, agent: str, task_id: str, lease_seconds: float) -> Claim:
    """Claim one given task, a draft or a queued one, whatever it needs and whether paused or not.

    Raises:
        IllegalMove: the task runs or has ended.
        TaskNotFound: there is no such task.
    """
    arguments = (task_id, agent, milliseconds(lease_seconds))
    answer = TAKE_TASK.run(connection, [keys.task(task_id)], arguments)
    if answer[0] == b"refused":
        raise illegal_move(task_id, answer[1].decode(), "be executed", "Reset it to run it again.")
    return _claim(task_id, agent, lease_seconds, accepted(answer, task_id)[0])


def milliseconds(seconds: float) -> int:
    """A duration as the scripts take it; at least one millisecond."""
    return max(1, round(seconds * 1000))


def _claim(task_id: str, agent: str, lease_seconds: float, fields: list[bytes]) -> Claim:
    task = read_record(task_id, pairs(fields))
    return Claim(Lease(task_id, task.attempt, agent, lease_seconds), task)
