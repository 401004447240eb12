"""What only a server can do to a series: change how it is held while somebody reads it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from elsewhere.contract.series import ROW_BYTES, Points, Scalars
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore


def noise(first: int, count: int) -> list[Scalars]:
    chance = random.Random(first)
    points = Points.of((n, chance.random(), float(n)) for n in range(first, first + count))
    return [Scalars("loss", "train", points)]


@pytest.fixture
def task_id(redis_url: str) -> str:
    return RedisStore(redis_url).create(NewTask("p", "n", TaskSpec(Entry("train.py")))).id


def test_a_series_that_gets_coarser_while_it_is_read_is_read_as_it_is_then(
    redis_url: str, task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = RedisStore(redis_url), RedisStore(redis_url, series_cap=20_000)
    RedisStore(redis_url).add_scalars(task_id, noise(0, 5120))
    read, meanwhile = reader.connection.hmget, [lambda: writer.add_scalars(task_id, noise(5120, 1))]

    def hmget(*arguments: Any) -> Any:
        while meanwhile:
            meanwhile.pop()()
        return read(*arguments)

    monkeypatch.setattr(reader.connection, "hmget", hmget)
    (one,) = reader.scalars(task_id, max_points=None)
    (summary,) = reader.series(task_id)
    assert summary.coarsened > 2000
    assert len(one.points) == summary.count - summary.coarsened
    assert one.points.iterations[-1] == 5120


def test_points_whose_writer_died_before_it_sealed_them_are_sealed_by_the_next(
    redis_url: str, task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, next_one = RedisStore(redis_url), RedisStore(redis_url)
    monkeypatch.setattr("elsewhere.store.redis.measured.tidy", lambda *_: None)
    dying.add_scalars(task_id, noise(0, 2000))
    monkeypatch.undo()
    tail = f"elsewhere:task:{task_id}:series:0:tail"
    assert next_one.connection.strlen(tail) == 2000 * ROW_BYTES
    next_one.add_scalars(task_id, noise(2000, 1))
    assert next_one.connection.strlen(tail) == 2001 % 512 * ROW_BYTES
    (one,) = next_one.scalars(task_id, max_points=None)
    assert list(one.points.iterations) == list(range(2001))


def held(store: RedisStore, task_id: str) -> int:
    keys = store.connection.keys(f"elsewhere:task:{task_id}:series*")
    return sum(store.connection.memory_usage(key, samples=0) or 0 for key in keys)


def test_the_account_of_what_is_held_is_near_the_truth(redis_url: str, task_id: str) -> None:
    store = RedisStore(redis_url)
    for first in range(0, 20_000, 700):
        store.add_scalars(task_id, noise(first, 700))
    told = int(store.connection.hget(f"elsewhere:task:{task_id}:series_size", "bytes") or 0)
    assert 0.7 < told / held(store, task_id) < 1.3
