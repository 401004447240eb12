"""Fields of a task as plain data, by name, for whoever does not need the task itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from elsewhere.contract.errors import UsageError
from elsewhere.contract.task import TaskRecord
from elsewhere.finding.similar import similar

OTHER_NAMES = {
    "completed": "ended",
    "container": "spec.image",
    "execution.queue": "queue",
    "hyperparams": "parameters",
    "last_update": "updated",
    "last_worker": "agent",
    "runtime.progress": "progress",
    "script.branch": "spec.source.branch",
    "script.entry_point": "spec.entry.script",
    "script.repository": "spec.source.repository",
    "script.version_num": "spec.source.commit",
    "script.working_dir": "spec.entry.working_directory",
}
"""ClearML's names of fields that have another one here."""
FIELDS = {field.name for field in fields(TaskRecord)}


def read_fields(record: TaskRecord, names: Iterable[str]) -> dict[str, Any]:
    """The fields of these names, and ``id``. What is absent is None; times are seconds since the epoch."""
    return {name: _plain(_read(record, _path(name))) for name in dict.fromkeys(("id", *names))}


def check_names(names: Iterable[str]) -> None:
    """Refuse names of fields that no task has.

    Raises:
        UsageError: one has a first part that no task has.
    """
    for name in names:
        if _path(name)[0] not in FIELDS:
            known = FIELDS.union(OTHER_NAMES)
            raise UsageError(f"tasks have no field {name!r}", similar(name, known, "Fields are"))


def _path(name: str) -> list[str]:
    for other, own in OTHER_NAMES.items():
        if name == other or name.startswith(f"{other}."):
            name = own + name[len(other) :]
            break
    return name.split(".")


def _read(value: object, path: list[str]) -> object:
    for at, part in enumerate(path):
        if isinstance(value, Mapping):
            rest = ".".join(path[at:])
            # A parameter `Args/lr` is written `hyperparams.Args.lr` by some.
            return value.get(rest, value.get(rest.replace(".", "/", 1)))
        value = getattr(value, part, None) if is_dataclass(value) else None
    return value


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
