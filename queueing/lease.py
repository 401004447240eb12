"""A lease from the claim on: renewed, committed, or given back."""

from __future__ import annotations

import redis

from elsewhere.contract import keys
from elsewhere.contract.lease import Lease, Renewal
from elsewhere.contract.outcome import Outcome, exit_code_of, message_of, status_of
from elsewhere.contract.status import Status
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.record import decode_stop
from elsewhere.store.script import Script
from queueing.duration import milliseconds

RENEW = Script(__file__, "renew.lua")
COMMIT = Script(__file__, "commit.lua")
GIVE_BACK = Script(__file__, "give_back.lua")


def renew(connection: redis.Redis, lease: Lease) -> Renewal:
    """Extend the lease to ``lease.seconds`` from now, and learn whether a stop was asked for.

    Raises:
        LateWrite: the attempt does not own the task any more; it must end at once.
    """
    arguments = (lease.task_id, lease.attempt, lease.agent, milliseconds(lease.seconds))
    answer = RENEW.run(connection, [keys.task(lease.task_id)], arguments)
    stop = accepted(answer, lease.task_id, lease.attempt)[0].decode()
    return Renewal(stop=decode_stop(stop) if stop else None)


def commit(connection: redis.Redis, lease: Lease, outcome: Outcome) -> Status:
    """End the task as ``outcome`` says, and return the status that it then has.

    A script that failed, of a task whose terms allow another retry and that nobody asked to
    stop, ends the attempt only: the task is ``queued`` then, for now or after its backoff.
    Of all who try, one wins. The winner may repeat the same call and gets the same answer.

    Raises:
        LateWrite: another attempt owns the task, or something else has ended it.
        ValueError: the outcome is ``Lost``, which is the reaper's to say.
    """
    target, code = status_of(outcome), exit_code_of(outcome)
    answer = COMMIT.run(
        connection,
        [keys.task(lease.task_id)],
        [
            lease.task_id,
            lease.attempt,
            lease.agent,
            target.value,
            message_of(outcome),
            "" if code is None else code,
        ],
    )
    return Status(accepted(answer, lease.task_id, lease.attempt)[0].decode())


def give_back(connection: redis.Redis, lease: Lease, reason: str) -> Status:
    """Give up the attempt unrun: the task goes back to the front of its queue, not counted as lost.

    With a stop pending it is stopped instead; one that stands in no queue fails. Returns the
    status that the task then has.

    Raises:
        LateWrite: the attempt does not own the task any more.
    """
    arguments = (lease.task_id, lease.attempt, lease.agent, reason)
    answer = GIVE_BACK.run(connection, [keys.task(lease.task_id)], arguments)
    return Status(accepted(answer, lease.task_id, lease.attempt)[0].decode())
