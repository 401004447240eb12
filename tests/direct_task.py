"""A task behind the relay without a journal: every write is in the store when it returns."""

from __future__ import annotations

from collections.abc import Mapping

from elsewhere.contract.events import EventKind
from elsewhere.contract.lease import Lease
from elsewhere.contract.task import JSONValue, TaskRecord
from elsewhere.store.protocol import Store


class DirectTask:
    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease

    def get(self) -> TaskRecord:
        return self._store.get(self._lease.task_id)

    def set_parameters(self, parameters: Mapping[str, JSONValue]) -> None:
        self._store.set_parameters(self._lease.task_id, parameters, attempt=self._lease.attempt)

    def record_event(self, kind: EventKind, detail: str = "") -> None:
        self._store.record_event(self._lease.task_id, kind, detail, attempt=self._lease.attempt)
