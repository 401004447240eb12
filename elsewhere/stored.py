"""Any task of the store: what is read is read now, what is written is there when the call returns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from elsewhere.contract.edit import Edit
from elsewhere.contract.write import ConfigurationSet, ParametersReplaced, ParametersSet
from elsewhere.store.deliver import deliver
from elsewhere.store.refusal import illegal_move

if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import Write
    from elsewhere.desk.ending import Ending
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish


class Stored:
    """A task that somebody looked up or made, and that does not run in this process.

    Parameters that are set here, to something else than they were, are set by hand: they are laid
    over what the script says.
    """

    given = False
    live = False
    drafted = False
    initial_iteration = 0

    def __init__(self, store: Store, task_id: str) -> None:
        self._store = store
        self._id = task_id

    @property
    def id(self) -> str:
        """The task's id."""
        return self._id

    def record(self) -> TaskRecord:
        """The task as it is now."""
        return self._store.get(self._id)

    def write(self, write: Write) -> None:
        """Make a change; it is in the store when this returns.

        Raises:
            IllegalMove: it changes what a task ran with that has ended.
        """
        if isinstance(write, (ParametersSet, ParametersReplaced, ConfigurationSet)):
            self._require_changeable()
        if isinstance(write, (ParametersSet, ParametersReplaced)):
            write = type(write)(write.parameters, by_hand=self._by_hand(write))
        deliver(self._store, self._id, write)

    def _require_changeable(self) -> None:
        status = self.record().status
        if status.ended:
            raise illegal_move(
                self._id,
                status.value,
                "be given other parameters or configurations",
                "They say what it ran with. Clone it for another run; user properties can always be set.",
            )

    def _by_hand(self, write: ParametersSet | ParametersReplaced) -> tuple[str, ...]:
        # Who reads all parameters, changes one and sets them all has set one; who names one means it.
        if len(write.parameters) == 1:
            return tuple(write.parameters)
        task = self.record()
        return tuple(
            name
            for name, value in write.parameters.items()
            if name in task.overrides
            or name not in task.parameters
            or not _same(value, task.parameters[name])
        )

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The configuration of that name."""
        kept = self._store.configuration(self._id, name)
        if kept is None:
            return None
        return ConfigurationSet(name, self._store.get_blob(kept.blob), kept.suffix, kept.description)

    def configurations(self) -> list[str]:
        """Names of all configurations, in order."""
        return list(self._store.configurations(self._id))

    def used(self, names: list[str]) -> None:
        """Do nothing: no script runs here."""

    def wish(self, change: Callable[[Wish], Wish]) -> None:
        """Change the spec of a draft.

        Raises:
            IllegalMove: it is no draft.
        """
        from elsewhere.wish import Wish

        wish = change(Wish())
        spec = wish.fulfilled(self.record().spec)
        for payload in wish.payloads:
            self._store.put_blob(payload)
        self._store.edit(self._id, Edit(spec=spec))

    def store(self) -> Store:
        """The store itself."""
        return self._store

    def end(self, ending: Ending, deadline: float) -> bool:
        """Move the task there from where it stands.

        Raises:
            IllegalMove: that cannot be, or an attempt owns it.
        """
        del deadline
        self._store.move(
            self._id,
            ending.status,
            expected=self.record().status,
            message=ending.text,
            exit_code=ending.exit_code,
        )
        return True

    def close(self, error: BaseException | None = None) -> None:
        """Do nothing: whoever runs the task ends it."""

    def flush(self, timeout: float | None = None) -> bool:
        """Nothing is ever under way."""
        del timeout
        return True


def _same(one: JSONValue, other: JSONValue) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
