"""A running task as its own script reaches it: reads from the store, writes into the journal.

So a script that reports while no server answers goes on at once, and what it reported comes
to the store in order, exactly once, whatever dies on the way.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.journal import Journal
from elsewhere.contract.built import Built
from elsewhere.contract.codec import encode, encode_parameters
from elsewhere.contract.errors import ServerUnfit, ServerUnreachable
from elsewhere.contract.events import EventKind
from elsewhere.contract.series import Scalars, encode_scalars
from elsewhere.contract.task import JSONValue, TaskRecord
from elsewhere.store.protocol import Store
from elsewhere.store.series.rules import check_batch


class JournaledTask:
    """One attempt's view of its task. Thread-safe.

    Args:
        claimed: the task as it was when it was taken: what is read while no server answers.
    """

    def __init__(self, store: Store, journal: Journal, claimed: TaskRecord) -> None:
        self._store = store
        self._journal = journal
        self._claimed = claimed
        self._reported: dict[str, JSONValue] = {}
        self._lock = threading.Lock()

    def get(self) -> TaskRecord:
        """The task as it is now, with what this attempt has reported and the store may not have yet."""
        try:
            record = self._store.get(self._claimed.id)
        except (ServerUnreachable, ServerUnfit):
            record = self._claimed
        with self._lock:
            return replace(record, parameters={**record.parameters, **self._reported})

    def set_parameters(self, parameters: Mapping[str, JSONValue]) -> None:
        """Merge these into the task's, soon."""
        with self._lock:
            self._journal.append("parameters", encode_parameters(parameters).encode())
            self._reported.update(parameters)

    def record_event(self, kind: EventKind, detail: str = "") -> None:
        """Append to the task's events, soon."""
        self._journal.append("event", json.dumps([kind, detail]).encode())

    def record_built(self, built: Built) -> None:
        """Say what the attempt's environment really holds, soon."""
        self._journal.append("built", encode(built).encode())

    def add_scalars(self, batch: Sequence[Scalars]) -> None:
        """Append points to their series, soon.

        Raises:
            ValueError: what no store can hold; nothing of the batch is kept then.
        """
        # Here, and not when it is sent: nobody could be told then, and all behind it would wait.
        check_batch(batch)
        self._journal.append("scalars", encode_scalars(batch))
