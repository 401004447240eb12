"""Agents as the server knows them: ours, and as RQ workers."""

from __future__ import annotations

import json
import os
import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering
from elsewhere.store.script import Argument, Script

BEAT = Script(__file__, "beat.lua")
EXPIRY_SECONDS = 60
"""An agent that was silent for so long counts as gone."""


class Registration:
    """One agent's entry on the server: announced, kept alive by beats, withdrawn.

    To RQ it is a worker; the attributes ``key``, ``redis_workers_keys``, ``connection`` and
    ``queue_names`` are what ``rq.worker_registration`` asks of one.
    """

    redis_workers_keys = keys.RQ_WORKERS

    def __init__(
        self,
        connection: redis.Redis,
        name: str,
        queues: Sequence[str],
        *,
        slots: int,
        gpus: int,
        tags: Sequence[str],
        version: str,
    ) -> None:
        self.connection = connection
        self.key = keys.rq_worker(name)
        self._name = name
        self._queues = tuple(queues)
        self._told: dict[str, str | int] = {
            "name": name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queues": json.dumps(self._queues),
            "slots": slots,
            "gpus": gpus,
            "tags": json.dumps(list(tags)),
            "version": version,
        }

    def queue_names(self) -> list[str]:
        """The queues that the agent serves."""
        return list(self._queues)

    def announce(self) -> None:
        """Enter the agent, over whatever an earlier one of that name has left."""
        with answering(self.connection):
            self.connection.delete(keys.agent(self._name), self.key)
        self.beat(0)

    def beat(self, busy: int, gpus_free: int | None = None) -> str:
        """Say that the agent lives, runs ``busy`` attempts and has so many GPUs free; None means all.

        To be repeated well within a minute. It also restores the whole entry if that was
        lost. Returns the agent's state: ``active``, or ``draining`` when it shall take no more.
        """
        # Imported here because it costs a third of a second.
        from rq import worker_registration

        ours: list[Argument] = [item for pair in self._told.items() for item in pair]
        free = self._told["gpus"] if gpus_free is None else gpus_free
        theirs: list[Argument] = [item for pair in self._as_worker().items() for item in pair]
        state = BEAT.run(
            self.connection,
            [keys.agent(self._name), self.key],
            [self._name, EXPIRY_SECONDS, busy, free, len(ours), *ours, *theirs],
        )
        with answering(self.connection):
            pipeline = self.connection.pipeline()
            # `rq info` strikes workers off its list whose hash it does not find, as after an outage.
            worker_registration.register(cast(Any, self), pipeline)
            pipeline.execute()
        return cast(bytes, state).decode()

    def withdraw(self) -> None:
        """Remove the agent; safe to repeat."""
        from rq import worker_registration

        with answering(self.connection):
            pipeline = self.connection.pipeline()
            pipeline.delete(keys.agent(self._name), self.key, keys.agent_control(self._name))
            pipeline.zrem(keys.AGENTS, self._name)
            worker_registration.unregister(cast(Any, self), pipeline)
            pipeline.execute()

    def _as_worker(self) -> dict[str, str | int]:
        return {
            "hostname": self._told["host"],
            "ip_address": "",
            "pid": self._told["pid"],
            "queues": ",".join(self._queues),
            "version": self._told["version"],
            "python_version": platform.python_version(),
        }


@dataclass(frozen=True)
class AgentInfo:
    """What an agent that is alive tells of itself. Times are seconds by the server's clock."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    busy: int
    """Attempts that run; more than ``slots`` where some share a GPU by its memory."""
    gpus: int
    gpus_free: int
    """Those that no attempt uses, and nobody else as far as the agent looks."""
    tags: tuple[str, ...]
    version: str
    state: str
    """``active``, or ``draining``: it finishes what runs and takes no more."""
    started: float
    last_seen: float
    reserved: str = ""
    """Id of the queued task that it keeps room free for; "" where it does for none."""


def list_agents(connection: redis.Redis) -> list[AgentInfo]:
    """The agents that are alive, by name; those that are not are forgotten."""
    with answering(connection):
        seen = cast("list[tuple[bytes, float]]", connection.zrange(keys.AGENTS, 0, -1, withscores=True))
        pipeline = connection.pipeline(transaction=False)
        for name, _ in seen:
            pipeline.hgetall(keys.agent(name.decode()))
        entries: list[dict[bytes, bytes]] = pipeline.execute()
        gone = [name for (name, _), entry in zip(seen, entries, strict=True) if not entry]
        if gone:
            connection.zrem(keys.AGENTS, *gone)
    agents = [_info(entry, score) for (_, score), entry in zip(seen, entries, strict=True) if entry]
    return sorted(agents, key=lambda agent: agent.name)


def _info(entry: dict[bytes, bytes], score: float) -> AgentInfo:
    told = {name.decode(): value.decode() for name, value in entry.items()}
    return AgentInfo(
        name=told["name"],
        host=told["host"],
        pid=int(told["pid"]),
        queues=tuple(json.loads(told["queues"])),
        slots=int(told["slots"]),
        busy=int(told["busy"]),
        gpus=int(told["gpus"]),
        gpus_free=int(told.get("gpus_free", told["gpus"])),
        tags=tuple(json.loads(told["tags"])),
        version=told["version"],
        state=told["state"],
        started=float(told["started"]),
        last_seen=score / 1000,
        reserved=told.get("reserved", ""),
    )
