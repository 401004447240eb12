"""A running task as its own script reaches it: reads from the store, writes into the journal.

So a script that reports while no server answers goes on at once, and what it reported comes
to the store in order, exactly once, whatever dies on the way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from agent.journal import Journal
from agent.reported import ReportedParameters
from elsewhere.contract.built import Built
from elsewhere.contract.codec import encode
from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import ServerUnfit, ServerUnreachable
from elsewhere.contract.events import EventKind
from elsewhere.contract.series import Scalars, encode_scalars
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.contract.write import (
    ConfigurationSet,
    Edited,
    Happened,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
    Write,
    encode_write,
)
from elsewhere.store.edit_rules import accepted_already, check_edit, combined, edited
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
        self._reported = ReportedParameters()
        self._edit = Edit()
        self._lock = threading.Lock()

    def get(self) -> TaskRecord:
        """The task as it is now, with what this attempt has reported and the store may not have yet."""
        try:
            record = self._store.get(self._claimed.id)
        except (ServerUnreachable, ServerUnfit):
            record = self._claimed
        with self._lock:
            return edited(self._reported.over(record), self._edit)

    def write(self, write: Write) -> None:
        """Make a change to the task, soon.

        Raises:
            IllegalMove: another spec for what runs.
            UsageError: an edit that makes no sense, or a configuration that is too large.
            SchemaError: a value that cannot be stored.
        """
        # Here, and not when it is sent: nobody could be told then, and all behind it would wait.
        if isinstance(write, Edited):
            check_edit(write.edit)
            if write.edit.spec is not None:
                raise accepted_already(self._claimed.id, Status.IN_PROGRESS)
        with self._lock:
            self._journal.append("write", encode_write(write))
            self._note(write)

    def configurations(self) -> list[str]:
        """Names of the configurations that the store has.

        Raises:
            ServerUnreachable: no server answers: nobody can know.
        """
        return list(self._store.configurations(self._claimed.id))

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name as the store has it.

        Raises:
            ServerUnreachable: no server answers: nobody can know.
        """
        kept = self._store.configuration(self._claimed.id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._store.get_blob(kept.blob), kept.suffix, kept.description)

    def record_event(self, kind: EventKind, detail: str = "") -> None:
        """Append to the task's events, soon."""
        self.write(Happened(kind, detail))

    def record_built(self, built: Built) -> None:
        """Say what the attempt's environment really holds, soon."""
        self._journal.append("built", encode(built).encode())

    def add_scalars(self, batch: Sequence[Scalars]) -> None:
        """Append points to their series, soon.

        Raises:
            ValueError: what no store can hold; nothing of the batch is kept then.
        """
        # Here, and not when it is sent: as above.
        check_batch(batch)
        self._journal.append("scalars", encode_scalars(batch))

    def _note(self, write: Write) -> None:
        if isinstance(write, ParametersSet):
            self._reported.merge(write)
        elif isinstance(write, ParametersReplaced):
            self._reported.replace(write)
            self._keep_info(lambda name: name in write.parameters)
        elif isinstance(write, ParametersDeleted):
            self._reported.delete(write)
            self._keep_info(lambda name: name not in write.names)
        elif isinstance(write, Edited):
            self._edit = combined(self._edit, write.edit)

    def _keep_info(self, wanted: Callable[[str], bool]) -> None:
        """What is known of parameters that are gone is gone with them."""
        info = {name: about for name, about in self._edit.parameter_info.items() if wanted(name)}
        self._edit = replace(self._edit, parameter_info=info)
