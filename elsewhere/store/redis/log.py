"""A task's log: a stream of chunks, read in bounded bites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.task import LogChunk, LogKind
from elsewhere.store.log_rules import cut_note
from elsewhere.store.redis.connection import answering, patient

BITE = 64
"""Chunks asked for at once, so that no single answer is huge."""
TICK_SECONDS = 5.0
"""After waiting in vain for so long, a follower looks whether its task still goes on."""


def read_log(connection: redis.Redis, task_id: str, after: str, limit: int) -> list[LogChunk]:
    """At most ``limit`` chunks after ``after``, in order."""
    chunks: list[LogChunk] = []
    while len(chunks) < limit:
        bite = _bite(connection, task_id, after, min(BITE, limit - len(chunks)))
        if not bite:
            break
        chunks += bite
        after = bite[-1].position
    return chunks


def follow_log(
    connection: redis.Redis, task_id: str, after: str, has_ended: Callable[[], bool]
) -> Iterator[LogChunk]:
    """Chunks after ``after`` as they come; ``has_ended`` is asked when none came for a while."""
    # Of its own, and waiting longer: a blocking read holds its connection.
    waiting = patient(connection, TICK_SECONDS + 10)
    # The first wait is none: a log that is complete already must not keep its reader.
    patience = 0.0
    try:
        while True:
            chunks = read_log(connection, task_id, after, BITE)
            if not chunks and patience and _came(waiting, task_id, after, patience):
                continue
            if not chunks and has_ended():
                # The end chunk is written with the end: read once more before giving up on it.
                chunks = read_log(connection, task_id, after, BITE)
                if not chunks:
                    return
            patience = TICK_SECONDS
            for chunk in chunks:
                after = chunk.position
                yield chunk
                if chunk.kind == "end":
                    return
    finally:
        waiting.close()


def _bite(connection: redis.Redis, task_id: str, after: str, limit: int) -> list[LogChunk]:
    with answering(connection):
        pipeline = connection.pipeline()
        pipeline.hmget(keys.task_log_size(task_id), "cut", "cut_to")
        pipeline.xrange(keys.task_log(task_id), f"({after}" if after else "-", "+", count=limit)
        (cut, cut_to), entries = pipeline.execute()
    chunks = [_chunk(entry) for entry in entries]
    if cut_to is not None and _order(after) < _order(cut_to.decode()):
        attempt = chunks[0].attempt if chunks else 0
        position = cut_to.decode()
        chunks.insert(0, cut_note(position, attempt, int(cut), time_of(position)))
    return chunks[:limit]


def _came(waiting: redis.Redis, task_id: str, after: str, seconds: float) -> bool:
    """Wait for something to stand after ``after``; False when ``seconds`` passed in vain."""
    with answering(waiting):
        # One entry only: it is the signal. What is read is read together with the cap's account.
        return bool(
            waiting.xread({keys.task_log(task_id): after or "0-0"}, count=1, block=int(seconds * 1000))
        )


def _chunk(entry: tuple[bytes, dict[bytes, Any]]) -> LogChunk:
    position, fields = entry[0].decode(), entry[1]
    kind = cast(LogKind, fields[b"k"].decode())
    return LogChunk(position, kind, int(fields[b"a"]), fields[b"d"], time_of(position))


def time_of(position: str) -> float:
    """When a stream entry was written, in seconds since the epoch."""
    return int(position.partition("-")[0]) / 1000


def _order(position: str) -> tuple[int, int]:
    if not position:
        return (0, 0)
    milliseconds, _, number = position.partition("-")
    return (int(milliseconds), int(number))
