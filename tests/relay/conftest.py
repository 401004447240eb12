"""A task with one attempt under way, in memory, and the socket its processes reach it by."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from direct_task import DirectTask

from agent.relay import RelayServer, attempt_calls
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.memory import MemoryStore
from elsewhere.store.relay import RelayStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def record(store: MemoryStore) -> TaskRecord:
    new = NewTask("digits", "svm", TaskSpec(Entry("train.py")), {"Args/C": 0.5}, ("Args/C",))
    draft = store.create(new)
    return store.move(draft.id, Status.IN_PROGRESS, expected=Status.CREATED)


@pytest.fixture
def lease(record: TaskRecord) -> Lease:
    return Lease(record.id, record.attempt, "box", 20.0)


@pytest.fixture
def used() -> set[str]:
    return set()


@pytest.fixture
def socket() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    yield folder / "attempt" / "relay.sock"
    shutil.rmtree(folder)


@pytest.fixture
def server(socket: Path, store: MemoryStore, lease: Lease, used: set[str]) -> Iterator[RelayServer]:
    with RelayServer(socket, calls=attempt_calls(DirectTask(store, lease), lease, used)) as running:
        yield running


@pytest.fixture
def relay(server: RelayServer, socket: Path) -> Iterator[RelayStore]:
    end = RelayStore(str(socket))
    yield end
    end.close()
