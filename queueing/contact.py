"""Contact with the attempts that run: who has not renewed for a while."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from elsewhere.contract import keys
from elsewhere.contract.status import Status
from elsewhere.store.redis.connection import answering


def out_of_contact(connection: redis.Redis, task_ids: Sequence[str]) -> set[str]:
    """Those of ``task_ids`` whose attempt runs under a lease of which less than half is left, or none.

    A lease is renewed long before that, so something stands between the attempt and the server;
    it may well go on, and its task is in progress as long as nobody has reaped it.
    """
    with answering(connection):
        pipeline = connection.pipeline()
        pipeline.time()
        for task_id in task_ids:
            pipeline.zscore(keys.LEASES, task_id)
            pipeline.hmget(keys.task(task_id), "status", "lease_ms")
        (seconds, microseconds), *answers = pipeline.execute()
    now_ms = seconds * 1000 + microseconds / 1000
    return {
        task_id
        for task_id, ends_ms, (status, lease_ms) in zip(task_ids, answers[::2], answers[1::2], strict=True)
        if ends_ms is not None
        and status == Status.IN_PROGRESS.value.encode()
        and ends_ms - now_ms < int(lease_ms or 0) / 2
    }
