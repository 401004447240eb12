"""What every store holds of edits: which make sense, and how words are merged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.errors import IllegalMove, SchemaError, UsageError
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.store.refusal import illegal_move

_ID = re.compile(r"[0-9a-f]{32}")


def check_edit(edit: Edit) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: it does not; the message names it.
    """
    if edit.progress is not None and not (math.isfinite(edit.progress) and 0 <= edit.progress <= 100):
        raise UsageError(f"a progress of {edit.progress!r} is not between 0 and 100 percent")
    for what, text in (("name", edit.name), ("project", edit.project), ("type", edit.type)):
        if text is not None and not text.strip():
            raise UsageError(f"a task's {what} cannot be empty")


def checked_id(task_id: str) -> str:
    """``task_id`` itself, if a task may have it.

    Raises:
        UsageError: it may not.
    """
    if not _ID.fullmatch(task_id):
        raise UsageError(f"{task_id!r} is no id for a task", "Use 32 hexadecimal digits, in lower case.")
    return task_id


def merged(words: Iterable[str], removed: Iterable[str] = (), added: Iterable[str] = ()) -> tuple[str, ...]:
    """``words`` without some and with others, each once, in order."""
    gone = set(removed)
    return tuple(dict.fromkeys([*(word for word in words if word not in gone), *added]))


def combined(first: Edit, then: Edit) -> Edit:
    """One edit that does what the two do, one after the other."""
    plain = {
        field: getattr(first if getattr(then, field) is None else then, field)
        for field in ("name", "project", "comment", "type", "parent", "progress", "spec", "tags")
    }
    before = ((), ()) if then.tags is not None else (first.add_tags, first.remove_tags)
    add_tags, remove_tags = _words_after(before, (then.add_tags, then.remove_tags))
    add_system_tags, remove_system_tags = _words_after(
        (first.add_system_tags, first.remove_system_tags), (then.add_system_tags, then.remove_system_tags)
    )
    gone = {*first.remove_properties, *then.remove_properties} - then.properties.keys()
    kept = {name: note for name, note in first.properties.items() if name not in then.remove_properties}
    return Edit(
        **plain,
        add_tags=add_tags,
        remove_tags=remove_tags,
        add_system_tags=add_system_tags,
        remove_system_tags=remove_system_tags,
        properties={**kept, **then.properties},
        remove_properties=tuple(sorted(gone)),
        parameter_info={**first.parameter_info, **then.parameter_info},
    )


def edited(task: TaskRecord, edit: Edit) -> TaskRecord:
    """``task`` after a change by hand.

    Raises:
        IllegalMove: it changes the spec of what is no draft.
    """
    if edit.spec is not None and task.status is not Status.CREATED:
        raise accepted_already(task.id, task.status)
    plain = ("name", "project", "comment", "type", "progress")
    fields: dict[str, Any] = {
        field: getattr(edit, field) for field in plain if getattr(edit, field) is not None
    }
    if edit.parent is not None:
        fields["parent"] = edit.parent or None
    if edit.spec is not None:
        fields["spec"] = decode(TaskSpec, encode(edit.spec))
    kept = {name: note for name, note in task.properties.items() if name not in edit.remove_properties}
    return replace(
        task,
        **fields,
        tags=merged(task.tags if edit.tags is None else edit.tags, edit.remove_tags, edit.add_tags),
        system_tags=merged(task.system_tags, edit.remove_system_tags, edit.add_system_tags),
        properties={**kept, **stored_properties(edit.properties)},
        parameter_info={**task.parameter_info, **stored_info(edit.parameter_info)},
    )


def accepted_already(task_id: str, status: Status) -> IllegalMove:
    """The error for a new spec of a task that is no draft."""
    first = "take it off its queue (`Task.dequeue`)" if status is Status.QUEUED else "clone or reset the task"
    return illegal_move(task_id, status.value, "be given another spec", f"Only a draft can; {first} first.")


def undeletable(task_id: str, status: str) -> IllegalMove:
    """The error for deleting what only force deletes."""
    return illegal_move(task_id, status, "be deleted", "Delete it by force if that is meant.")


def _words_after(
    before: tuple[Iterable[str], Iterable[str]], then: tuple[Iterable[str], Iterable[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What comes and what goes, all in all, of two pairs of such."""
    (added, removed), (more, less) = before, then
    # What goes and comes is named in both: it stands at the end then.
    return merged(added, less, more), merged(removed, (), less)


def encode_property(note: Property) -> str:
    """A property as JSON text.

    Raises:
        SchemaError: its value cannot be stored.
    """
    return encode_parameters({"value": note.value, "type": note.type, "description": note.description})


def decode_property(text: str | bytes) -> Property:
    """What ``encode_property`` made; what a newer version has added is left out."""
    stored = decode_parameters(text)
    if "value" not in stored:
        raise SchemaError("value: missing")
    return Property(stored["value"], str(stored.get("type", "")), str(stored.get("description", "")))


def stored_properties(properties: Mapping[str, Property]) -> dict[str, Property]:
    """There and back, so that what cannot be stored is refused, and nothing is shared."""
    return {name: decode_property(encode_property(note)) for name, note in properties.items()}


def stored_info(info: Mapping[str, ParameterInfo]) -> dict[str, ParameterInfo]:
    """There and back likewise."""
    return {name: decode(ParameterInfo, encode(about)) for name, about in info.items()}
