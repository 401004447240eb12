"""A client and a store of the same fresh database, and tasks on its queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import redis

from elsewhere.contract.lease import Claim, Offer
from elsewhere.contract.spec import Entry, Needs, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.contract.terms import Terms
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import put, reap, take

PutTask = Callable[..., str]
TakeOne = Callable[..., Claim]


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url)
    # The first reaping on a server spares everybody.
    assert reap(client) == []
    yield client
    client.close()


@pytest.fixture
def store(connection: redis.Redis) -> RedisStore:
    return RedisStore(connection)


@pytest.fixture
def make_draft(store: RedisStore) -> PutTask:
    def make(name: str = "svm", needs: Needs = Needs(), **terms: object) -> str:  # noqa: B008 - frozen
        spec = TaskSpec(Entry("train.py"), needs=needs)
        return store.create(NewTask("digits", name, spec, terms=Terms(**terms))).id  # type: ignore[arg-type]

    return make


@pytest.fixture
def put_task(store: RedisStore, make_draft: PutTask) -> PutTask:
    def put_one(queue: str = "default", **details: object) -> str:
        task_id = make_draft(**details)
        put(store, task_id, queue)
        return task_id

    return put_one


@pytest.fixture
def take_one(connection: redis.Redis) -> TakeOne:
    def take_it(agent: str = "box", queue: str = "default", seconds: float = 20) -> Claim:
        claim = take(connection, agent, [queue], Offer(), seconds)
        assert claim is not None
        return claim

    return take_it


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until something is true; ten seconds are the bound for all that takes milliseconds."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)

    return wait
