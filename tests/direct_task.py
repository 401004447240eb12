"""A task behind the relay without a journal: every write is in the store when it returns."""

from __future__ import annotations

from elsewhere.contract.lease import Lease
from elsewhere.contract.task import TaskRecord
from elsewhere.contract.write import ConfigurationSet, Write
from elsewhere.store.deliver import deliver
from elsewhere.store.protocol import Store


class DirectTask:
    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease

    def get(self) -> TaskRecord:
        return self._store.get(self._lease.task_id)

    def write(self, write: Write) -> None:
        deliver(self._store, self._lease.task_id, write, attempt=self._lease.attempt)

    def configurations(self) -> list[str]:
        return list(self._store.configurations(self._lease.task_id))

    def configuration(self, name: str) -> ConfigurationSet | None:
        kept = self._store.configuration(self._lease.task_id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._store.get_blob(kept.blob), kept.suffix, kept.description)
