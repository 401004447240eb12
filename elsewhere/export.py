"""A task as a plain dict that JSON can hold: what it runs with and what people said of it, no results."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from elsewhere.contract.blobs import blobs_in
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.errors import CorruptBlob, SchemaError, UsageError
from elsewhere.contract.task import NewTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.spec import Blob
    from elsewhere.contract.task import TaskRecord
    from elsewhere.contract.write import ConfigurationSet
    from elsewhere.place import Place
    from elsewhere.store.protocol import Store

LARGEST_BLOB = 16 * 1024 * 1024
"""Bytes. Larger blobs are not exported: they stay in the store that the task is in."""
MERGED = ("blobs", "configurations", "parameter_info", "parameters", "properties")
"""What is merged by name where a task is updated."""


@dataclass(frozen=True)
class Bytes:
    """Bytes as text where they are text, and in base64 where they are not."""

    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, data: bytes) -> Bytes:
        """``data``, whichever way it can be written."""
        try:
            return cls(text=data.decode())
        except UnicodeDecodeError:
            return cls(base64=b64encode(data).decode())

    def read(self, where: str) -> bytes:
        """The bytes themselves.

        Raises:
            SchemaError: not one way is used, or what should be base64 is not; it names ``where``.
        """
        if (self.text is None) == (self.base64 is None):
            raise SchemaError(f"{where}: either text or base64 must be given", "Correct it in the dict.")
        try:
            return self.text.encode() if self.text is not None else b64decode(str(self.base64), validate=True)
        except ValueError as error:
            raise SchemaError(f"{where}: cannot be read: {error}", "Correct it in the dict.") from error


@dataclass(frozen=True)
class ExportedConfiguration(Bytes):
    """A configuration of an exported task."""

    suffix: str = ".json"
    description: str = ""


@dataclass(frozen=True)
class ExportedTask(NewTask):
    """All that is exported of a task."""

    id: str = ""
    """Id of the task that was exported; another one is made of it."""
    configurations: Mapping[str, ExportedConfiguration] = field(default_factory=dict)
    blobs: Mapping[str, Bytes] = field(default_factory=dict)
    """What the spec refers to, by hash."""


def export(place: Place) -> dict[str, Any]:
    """The task as a dict.

    Raises:
        CorruptBlob: the store has lost a part of what it runs.
    """
    record = place.record()
    kept = {field.name: getattr(record, field.name) for field in fields(NewTask)}
    named = ((name, place.configuration(name)) for name in place.configurations())
    configurations = {name: _exported(one) for name, one in named if one is not None}
    exported = ExportedTask(
        **kept, id=record.id, configurations=configurations, blobs=_blobs(record, place.store)
    )
    envelope = json.loads(encode(exported))
    return {"schema": envelope["schema"], **envelope["ExportedTask"]}


def read_export(task_data: Mapping[str, Any]) -> ExportedTask:
    """The task that a dict describes.

    Raises:
        SchemaError: it is none; the message names the field.
        UsageError: it holds what JSON cannot.
    """
    if not isinstance(task_data, Mapping):
        raise UsageError(
            f"task_data must be a dict, not {task_data!r:.80}", "Give what Task.export_task returned."
        )
    rest = dict(task_data)
    schema = rest.pop("schema", None)
    if schema is None:
        raise SchemaError("task_data.schema: missing", "Give what Task.export_task returned.")
    try:
        text = json.dumps({"schema": schema, "ExportedTask": rest})
    except (TypeError, ValueError) as error:
        raise UsageError(f"task_data cannot be stored as JSON: {error}", "Correct it.") from error
    try:
        exported = decode(ExportedTask, text)
    except SchemaError as error:
        what = error.what.replace("ExportedTask", "task_data")
        raise SchemaError(what, "Correct that field, or export the task anew.") from error
    for name, configuration in exported.configurations.items():
        configuration.read(f"task_data.configurations.{name}")
    return exported


def merged(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """One exported task with all that another one, which may be a part only, says otherwise."""
    together = {**known, **given}
    for name in MERGED:
        if isinstance(given.get(name), Mapping):
            together[name] = {**known.get(name, {}), **given[name]}
    if isinstance(given.get("spec"), Mapping):
        together["spec"] = _laid_over(known.get("spec", {}), given["spec"])
    return together


def create(store: Store, exported: ExportedTask) -> str:
    """Make a draft of an exported task, and return its id.

    Raises:
        CorruptBlob: what it runs was not exported with it, and is not in this store.
    """
    _put_blobs(store, exported)
    new = NewTask(**{field.name: getattr(exported, field.name) for field in fields(NewTask)})
    task_id = store.create(new).id
    _set_configurations(store, task_id, exported)
    return task_id


def overwrite(store: Store, task_id: str, exported: ExportedTask) -> None:
    """Let an exported task take the place of a task that is there, whose id, status and terms stay.

    Raises:
        IllegalMove: its spec is another one, and the task is no draft.
        CorruptBlob: what it runs was not exported with it, and is not in this store.
    """
    record = store.get(task_id)
    if exported.spec != record.spec:
        _put_blobs(store, exported)
    store.edit(
        task_id,
        Edit(
            name=exported.name,
            project=exported.project,
            comment=exported.comment,
            type=exported.type,
            parent=exported.parent or "",
            tags=exported.tags,
            add_system_tags=exported.system_tags,
            remove_system_tags=record.system_tags,
            properties=exported.properties,
            remove_properties=tuple(set(record.properties).difference(exported.properties)),
            spec=None if exported.spec == record.spec else exported.spec,
        ),
    )
    # Emptied first: what is known of parameters goes with them.
    store.replace_parameters(task_id, {})
    store.replace_parameters(task_id, exported.parameters, overrides=exported.overrides)
    store.edit(task_id, Edit(parameter_info=exported.parameter_info))
    for name in store.configurations(task_id):
        if name not in exported.configurations:
            store.delete_configuration(task_id, name)
    _set_configurations(store, task_id, exported)


def _exported(configuration: ConfigurationSet) -> ExportedConfiguration:
    data = Bytes.of(configuration.data)
    return ExportedConfiguration(data.text, data.base64, configuration.suffix, configuration.description)


def _blobs(record: TaskRecord, store: Callable[[], Store]) -> dict[str, Bytes]:
    referred = [blob for blob in blobs_in(record.spec) if blob.size <= LARGEST_BLOB]
    if not referred:
        return {}
    try:
        opened = store()
    except UsageError:  # an attempt that was given no server: they stay in the store
        return {}
    return {blob.sha256: Bytes.of(opened.get_blob(blob)) for blob in referred}


def _put_blobs(store: Store, exported: ExportedTask) -> None:
    for blob in blobs_in(exported.spec):
        given = exported.blobs.get(blob.sha256)
        if given is None:
            store.get_blob(blob)
        elif store.put_blob(given.read(f"task_data.blobs.{blob.sha256}")) != blob:
            raise _other_bytes(blob)


def _other_bytes(blob: Blob) -> CorruptBlob:
    return CorruptBlob(f"task_data.blobs.{blob.sha256}: these are other bytes", "Export the task anew.")


def _set_configurations(store: Store, task_id: str, exported: ExportedTask) -> None:
    for name, one in exported.configurations.items():
        blob = store.put_blob(one.read(f"task_data.configurations.{name}"))
        store.set_configuration(task_id, name, Configuration(blob, one.suffix, one.description))


def _laid_over(known: Any, given: Any) -> Any:
    if not (isinstance(known, Mapping) and isinstance(given, Mapping)):
        return given
    return {**known, **{name: _laid_over(known.get(name), value) for name, value in given.items()}}
