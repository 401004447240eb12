"""A task's series on the server: added to in one move, sealed and coarsened in others, read in bites.

Only adding is numbered. What follows it, making chunks of long tails and keeping within the cap,
changes how points are held: it is left to the next writer if this one dies before it. See
docs/decisions/series.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.series import ROW_BYTES, Point, Points, Scalars, SeriesSummary, pack_rows, unpack_rows
from elsewhere.store.redis.connection import answering
from elsewhere.store.script import Argument, Script
from elsewhere.store.series.chunk import (
    CHUNK_POINTS,
    decode_chunk,
    encode_chunk,
    outline_of,
    sketch,
    stands_for,
)
from elsewhere.store.series.coarsening import merged, pairs_to_merge
from elsewhere.store.series.rules import (
    CHUNK_COST,
    ROOM,
    addition,
    decode_name,
    encode_name,
    outlines_suffice,
)
from elsewhere.store.series.thinning import thin

SEAL_SERIES = Script(__file__, "seal_series.lua")
COARSEN_SERIES = Script(__file__, "coarsen_series.lua")

CHUNK_ROWS = CHUNK_POINTS * ROW_BYTES
"""Bytes of a tail that make one chunk."""
BITE = 128
"""Chunks read or written at once, so that no single answer is huge."""


def additions(batch: Sequence[Scalars]) -> Iterator[Argument]:
    """The batch as ``add_scalars.lua`` takes it: eight arguments for each series with points."""
    for one in batch:
        if one.points:
            adds = addition(one.points)
            yield from (encode_name(one.title, one.series), adds.count, pack_rows(one.points))
            yield from ("" if adds.lowest is None else repr(adds.lowest),)
            yield from ("" if adds.highest is None else repr(adds.highest),)
            moment = one.points.milliseconds[-1]
            yield from (adds.finite, repr(adds.total), f"{adds.last.iteration} {adds.last.value!r} {moment}")


def tidy(connection: redis.Redis, task_id: str, answer: Sequence[Any], cap: int) -> None:
    """What is to be done after ``add_scalars.lua`` answered: seal long tails, keep within the cap."""
    held = int(answer[0])
    tails = zip(answer[1::2], answer[2::2], strict=True)
    long = {number.decode(): None for number, tail in tails if int(tail) >= CHUNK_ROWS}
    if long:
        held = _seal(connection, task_id, list(long), held)
    if held > cap:
        _coarsen(connection, task_id, held - cap + cap // ROOM)


def read_series(
    connection: redis.Redis, task_id: str, title: str | None, series: str | None, most: int | None
) -> list[Scalars]:
    """The chosen series, each of at most ``most`` points."""
    return [
        Scalars(*name, _points(connection, task_id, number, most))
        for name, number in _numbers(connection, task_id)
        if title in (None, name[0]) and series in (None, name[1])
    ]


def read_summaries(connection: redis.Redis, task_id: str, title: str | None) -> list[SeriesSummary]:
    """The chosen series without their points."""
    chosen = [(name, number) for name, number in _numbers(connection, task_id) if title in (None, name[0])]
    with answering(connection):
        pipeline = connection.pipeline(transaction=False)
        for _, number in chosen:
            pipeline.hgetall(keys.series(task_id, number))
        accounts = pipeline.execute()
    return [_summary(*name, account) for (name, _), account in zip(chosen, accounts, strict=True) if account]


def _summary(title: str, series: str, account: dict[bytes, bytes]) -> SeriesSummary:
    def number(name: bytes) -> float | None:
        return float(account[name]) if name in account else None

    iteration, value, moment = account[b"last"].split()
    finite = int(account[b"finite"])
    return SeriesSummary(
        title,
        series,
        count=int(account[b"count"]),
        last=Point(int(iteration), float(value), int(moment) / 1000),
        lowest=number(b"lowest"),
        highest=number(b"highest"),
        mean=float(account[b"total"]) / finite if finite else None,
        coarsened=int(account.get(b"coarsened", 0)),
    )


def _numbers(connection: redis.Redis, task_id: str) -> list[tuple[tuple[str, str], str]]:
    with answering(connection):
        names = cast("dict[bytes, bytes]", connection.hgetall(keys.task_series(task_id)))
    return sorted((decode_name(name), number.decode()) for name, number in names.items())


def _points(connection: redis.Redis, task_id: str, number: str, most: int | None) -> Points:
    while True:
        with answering(connection):
            # Together: a tail that is sealed in between would be missed, or read twice.
            pipeline = connection.pipeline(transaction=True)
            pipeline.hgetall(keys.series_outlines(task_id, number))
            pipeline.get(keys.series_tail(task_id, number))
            outlines, rows = pipeline.execute()
        tail = unpack_rows(rows or b"")
        order = sorted(outlines, key=int)
        if outlines_suffice(len(order), most):
            points = sketch([*(outlines[chunk] for chunk in order), outline_of(tail)])
        else:
            read = _chunks(connection, task_id, number, order)
            if read is None:
                continue  # coarsened while it was read: once more
            points = Points.joined([*read, tail])
        return points if most is None else thin(points, most)


def _chunks(
    connection: redis.Redis, task_id: str, number: str, order: Sequence[bytes]
) -> list[Points] | None:
    """The points of these chunks; None when one of them is gone."""
    read: list[Points] = []
    for start in range(0, len(order), BITE):
        with answering(connection):
            bite = connection.hmget(keys.series_chunks(task_id, number), order[start : start + BITE])
        chunks = [chunk for chunk in cast("list[bytes | None]", bite) if chunk is not None]
        if len(chunks) < len(bite):
            return None
        read += map(decode_chunk, chunks)
    return read


def _seal(connection: redis.Redis, task_id: str, numbers: list[str], held: int) -> int:
    """Make chunks of these series' tails, all in one go; the bytes that the task then holds."""
    while numbers:
        with answering(connection):
            pipeline = connection.pipeline(transaction=False)
            for number in numbers:
                pipeline.hget(keys.series(task_id, number), "next")
                pipeline.getrange(keys.series_tail(task_id, number), 0, BITE * CHUNK_ROWS - 1)
            read = pipeline.execute()
        arguments: list[Argument] = []
        longer = []
        for number, first, tail in zip(numbers, read[::2], read[1::2], strict=True):
            cut = len(tail) - len(tail) % CHUNK_ROWS
            if first is not None and cut:
                arguments += [number, first, *_sealed(tail[:cut])]
                longer += [number] if len(tail) == BITE * CHUNK_ROWS else []
        if not arguments:
            break  # somebody else has sealed them
        held = int(SEAL_SERIES.run(connection, (), [task_id, *arguments])[1])
        numbers = longer
    return held


def _sealed(rows: bytes) -> list[Argument]:
    """The beginning of a tail as ``seal_series.lua`` takes it, from the number of its bytes on."""
    points = unpack_rows(rows)
    parts = [points.part(at, at + CHUNK_POINTS) for at in range(0, len(points), CHUNK_POINTS)]
    made = [item for part in parts for item in (encode_chunk(part), outline_of(part))]
    growth = sum(map(len, made)) + CHUNK_COST * len(parts) - len(rows)
    mark = hashlib.sha1(rows, usedforsecurity=False).hexdigest()
    return [len(rows), mark, growth, len(parts), *made]


def _coarsen(connection: redis.Redis, task_id: str, excess: int) -> None:
    """Free so many bytes, or as many as there are to free."""
    while excess > 0:
        number, chunks = _largest(connection, task_id)
        with answering(connection):
            outlines = connection.hgetall(keys.series_outlines(task_id, number))
        held = cast("dict[bytes, bytes]", outlines)
        order = sorted(held, key=int)
        if chunks < 2 or len(order) < 2:
            return  # nothing but tails and single chunks, which the number of series bounds
        pairs = pairs_to_merge([stands_for(held[chunk]) for chunk in order])
        freed = 0
        for position in pairs:
            first, second = order[position], order[position + 1]
            freed += _merge(connection, task_id, number, (first, held[first]), (second, held[second]))
            if freed >= excess:
                return
        if not freed:
            return  # somebody else is at it
        excess -= freed


def _largest(connection: redis.Redis, task_id: str) -> tuple[str, int]:
    """Number of the series that holds the most bytes in chunks, and how many chunks it has."""
    numbers = [number for _, number in _numbers(connection, task_id)]
    with answering(connection):
        pipeline = connection.pipeline(transaction=False)
        for number in numbers:
            pipeline.hlen(keys.series_outlines(task_id, number))
        lengths = pipeline.execute()
    length, number = max(zip(lengths, numbers, strict=True), default=(0, "0"))
    return number, int(length)


def _merge(
    connection: redis.Redis,
    task_id: str,
    number: str,
    first: tuple[bytes, bytes],
    second: tuple[bytes, bytes],
) -> int:
    """Make one chunk of two, each given by its number and its outline; the bytes that this freed."""
    with answering(connection):
        read = connection.hmget(keys.series_chunks(task_id, number), [first[0], second[0]])
    one, other = cast("list[bytes | None]", read)
    if one is None or other is None:
        return 0
    before = decode_chunk(one), decode_chunk(other)
    points = merged(*before)
    chunk, outline = encode_chunk(points), outline_of(points, stands_for(first[1]) + stands_for(second[1]))
    left_out = len(before[0]) + len(before[1]) - len(points)
    held = len(one) + len(other) + len(first[1]) + len(second[1]) + CHUNK_COST
    freed = held - len(chunk) - len(outline)
    arguments: list[Argument] = [task_id, number, first[0], second[0], first[1], second[1]]
    answer = COARSEN_SERIES.run(connection, (), [*arguments, chunk, outline, left_out, -freed])
    return freed if answer[0] == b"ok" else 0
