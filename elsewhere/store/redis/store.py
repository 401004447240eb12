"""``RedisStore``: the store protocol on a server; each write is one Lua script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering
from elsewhere.store.redis.edits import Edits
from elsewhere.store.redis.kept import Kept
from elsewhere.store.redis.measured import Measured
from elsewhere.store.redis.queueing import Queueing
from elsewhere.store.redis.results import Results


class RedisStore(Queueing, Edits, Results, Measured, Kept):
    """Tasks on a Redis or Valkey server; see ``Store`` for what each method promises.

    Args:
        server: URL of the server, or a client made by ``connect``, which stays the caller's.
        log_cap: bytes of a task's log that are held; the oldest are cut.
        series_cap: bytes of a task's series that are held; over it they get coarser.
        most_series: series that a task may have.
    """

    def serving(self, queue: str) -> list[str]:
        """Names of the agents that are alive and serve ``queue``."""
        with answering(self.connection):
            names = _texts(self.connection.zrange(keys.AGENTS, 0, -1))
            pipeline = self.connection.pipeline(transaction=False)
            for name in names:
                pipeline.hget(keys.agent(name), "queues")
            served = pipeline.execute()
        # An agent that is not alive has no hash any more.
        return sorted(name for name, queues in zip(names, served, strict=True) if queue in _names(queues))

    def close(self) -> None:
        """Give back connections."""
        if self._owned:
            self.connection.close()


def _names(stored: bytes | None) -> list[str]:
    return cast("list[str]", json.loads(stored)) if stored else []


def _texts(members: Sequence[Any]) -> list[str]:
    return [member.decode() for member in members]
