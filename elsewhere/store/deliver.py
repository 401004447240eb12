"""Writes come to a store: whichever way they took, this is the last step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elsewhere.contract.edit import Configuration
from elsewhere.contract.write import (
    ConfigurationDeleted,
    ConfigurationSet,
    Edited,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
)

if TYPE_CHECKING:
    from elsewhere.contract.write import Write
    from elsewhere.store.protocol import Store


def deliver(
    store: Store, task_id: str, write: Write, *, attempt: int | None = None, sequence: int | None = None
) -> None:
    """Make the change in ``store``. Safe to repeat; ``attempt`` and ``sequence`` as in ``append_log``.

    Raises:
        LateWrite: ``attempt`` is given and is not the task's newest.
        TaskNotFound: there is no such task.
        UsageError: an edit that makes no sense.
    """
    if isinstance(write, ParametersSet):
        overrides = None
        if write.by_hand:
            overrides = tuple(dict.fromkeys((*store.get(task_id).overrides, *write.by_hand)))
        store.set_parameters(
            task_id, write.parameters, attempt=attempt, sequence=sequence, overrides=overrides
        )
    elif isinstance(write, ParametersReplaced):
        store.replace_parameters(
            task_id, write.parameters, attempt=attempt, sequence=sequence, overrides=write.by_hand
        )
    elif isinstance(write, ParametersDeleted):
        store.delete_parameters(task_id, write.names, attempt=attempt, sequence=sequence)
    elif isinstance(write, Edited):
        store.edit(task_id, write.edit, attempt=attempt, sequence=sequence)
    elif isinstance(write, ConfigurationSet):
        configuration = Configuration(store.put_blob(write.data), write.suffix, write.description)
        store.set_configuration(task_id, write.name, configuration, attempt=attempt, sequence=sequence)
    elif isinstance(write, ConfigurationDeleted):
        store.delete_configuration(task_id, write.name, attempt=attempt, sequence=sequence)
    else:
        store.record_event(task_id, write.kind, write.detail, attempt=attempt, sequence=sequence)
