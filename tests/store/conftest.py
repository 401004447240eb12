"""One suite, three stores: memory, the embedded Valkey, the system's Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.memory import MemoryStore
from elsewhere.store.protocol import Store
from elsewhere.store.redis import RedisStore

MakeStore = Callable[..., Store]


@pytest.fixture(params=["memory", "valkey", "redis"])
def make_store(request: pytest.FixtureRequest) -> Iterator[MakeStore]:
    """Makes stores of one kind; those on a server share a database."""
    made: list[Store] = []
    if request.param != "memory":
        fixture = {"valkey": "valkey", "redis": "debian_redis"}[request.param]
        url = request.getfixturevalue(fixture).fresh_url()

    def make(**options: int) -> Store:
        store: Store = MemoryStore(**options) if request.param == "memory" else RedisStore(url, **options)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()


@pytest.fixture
def new() -> NewTask:
    return NewTask("digits", "svm", TaskSpec(Entry("train.py", arguments=("--C", "0.5"))), {"Args/C": 0.5})


@pytest.fixture
def draft(store: Store, new: NewTask) -> TaskRecord:
    return store.create(new)


@pytest.fixture
def running(store: Store, draft: TaskRecord) -> TaskRecord:
    """A run at a desk: in progress, without a lease."""
    return store.move(draft.id, Status.IN_PROGRESS, expected=Status.CREATED)
