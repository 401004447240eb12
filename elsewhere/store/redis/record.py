"""A task as a hash of flat fields, and back.

Fields that are None are absent. No field needs JSON to be understood inside a Lua script:
``stop`` is ``GRACE BY`` with ``-`` for no grace, ``needs`` is ``GPUS MEMORY TAG TAG …`` with
``COUNT*BYTES`` for the GPUs where so much memory of each is needed and not the whole of it,
``waits_for`` is ``until SECONDS`` or ``parents COUNT ONE_OF_THEM``. Tags are JSON lists of texts, which
Lua's JSON bends in nothing but the empty one: that is absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from elsewhere.contract.codec import SCHEMA, decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.spec import Needs, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import USUAL_TYPE, NewTask, StopRequest, TaskRecord
from elsewhere.contract.terms import Terms
from elsewhere.store.edit_rules import decode_property, encode_property, merged
from elsewhere.store.terms_rules import check_terms, for_parents, until

PROPERTY, ABOUT = "property:", "about:"
"""What the fields of properties and of what is known of parameters begin with."""


def new_fields(new: NewTask) -> dict[str, str]:
    """The fields of a new task's hash that come from the desk.

    Raises:
        SchemaError: a value that cannot be stored; the message names the field.
    """
    return {
        "schema": str(SCHEMA),
        "project": new.project,
        "name": new.name,
        "spec": encode(new.spec),
        "needs": encode_needs(new.spec.needs),
        "parameters": encode_parameters(new.parameters),
        "overrides": encode_overrides(new.overrides),
        **terms_fields(new.terms),
        "type": new.type,
        **_described(new.comment, new.parent),
        **{
            field: encode_words(words)
            for field, words in (("tags", merged(new.tags)), ("system_tags", merged(new.system_tags)))
            if words
        },
        **_noted(new.properties, new.parameter_info),
    }


def edited_fields(edit: Edit) -> tuple[dict[str, str], list[str]]:
    """The fields that an edit sets, but for tags, and those that it drops.

    Raises:
        SchemaError: a value that cannot be stored.
    """
    given = {"name": edit.name, "project": edit.project, "type": edit.type}
    fields = {name: text for name, text in given.items() if text is not None}
    fields |= _described(edit.comment, edit.parent) | _noted(edit.properties, edit.parameter_info)
    if edit.progress is not None:
        fields["progress"] = repr(float(edit.progress))
    if edit.spec is not None:
        fields |= {"spec": encode(edit.spec), "needs": encode_needs(edit.spec.needs)}
    dropped = [PROPERTY + name for name in edit.remove_properties if name not in edit.properties]
    dropped += [name for name, text in (("comment", edit.comment), ("parent", edit.parent)) if text == ""]
    return fields, dropped


def _described(comment: str | None, parent: str | None) -> dict[str, str]:
    return {name: text for name, text in (("comment", comment), ("parent", parent)) if text}


def _noted(properties: Mapping[str, Property], info: Mapping[str, ParameterInfo]) -> dict[str, str]:
    notes = {PROPERTY + name: encode_property(note) for name, note in properties.items()}
    return notes | {ABOUT + name: encode(about) for name, about in info.items()}


def terms_fields(terms: Terms) -> dict[str, str]:
    """The terms as a whole, and beside them what scripts look at; nothing for the usual ones.

    Raises:
        UsageError: they make no sense.
    """
    check_terms(terms)
    if terms == Terms():
        return {}
    flat = {
        "priority": str(terms.priority),
        "parents": " ".join(terms.parents),
        "retries": str(terms.retries),
        "backoff": repr(float(terms.backoff_seconds)),
    }
    if terms.run_at is not None:
        flat["run_at"] = repr(float(terms.run_at))
    return {"terms": encode(terms), **flat}


def decode_wait(text: str) -> str:
    """What the hash says that a task waits for, in words."""
    kind, *rest = text.split(" ")
    return until(float(rest[0])) if kind == "until" else for_parents(int(rest[0]), rest[1])


def encode_needs(needs: Needs) -> str:
    """What a slot must offer, as the words that ``take.lua`` splits at blanks."""
    gpus = str(needs.gpus)
    if needs.gpu_memory_bytes:
        gpus = f"{max(needs.gpus, 1)}*{needs.gpu_memory_bytes}"
    return " ".join([gpus, str(needs.memory_bytes), *map(encode_tag, needs.tags)])


def encode_tag(tag: str) -> str:
    """A tag as one word."""
    return quote(tag, safe="")


def encode_words(words: Iterable[str]) -> str:
    """Texts as one JSON list."""
    return json.dumps(list(words), ensure_ascii=False)


def encode_overrides(overrides: Sequence[str]) -> str:
    """Names of parameters as one text, never an empty one."""
    return encode_words(overrides)


def encode_stop(stop: StopRequest) -> str:
    """A stop request as one text."""
    grace = "-" if stop.grace is None else repr(float(stop.grace))
    return f"{grace} {stop.by}"


def decode_stop(text: str) -> StopRequest:
    """What ``encode_stop`` made."""
    grace, _, by = text.partition(" ")
    return StopRequest(by=by, grace=None if grace == "-" else float(grace))


def pairs(flat: Iterable[bytes]) -> dict[bytes, bytes]:
    """Fields and values, as a script answers them one after the other, as a mapping."""
    items = iter(flat)
    return dict(zip(items, items, strict=True))


class _Fields:
    """A task's hash, field by field; knows which one was read last."""

    def __init__(self, stored: Mapping[bytes, bytes]) -> None:
        self._stored = stored
        self.newest = ""

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._stored

    def text(self, name: str) -> str:
        self.newest = name
        return self._stored[name.encode()].decode()

    def optional(self, name: str) -> str | None:
        return self.text(name) if name in self else None

    def number(self, name: str) -> float | None:
        value = self.optional(name)
        return None if value is None else float(value)

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(json.loads(self.optional(name) or "[]"))

    def beginning(self, start: str) -> Iterator[tuple[str, str]]:
        names = [name.decode() for name in self._stored if name.startswith(start.encode())]
        return ((name.removeprefix(start), self.text(name)) for name in names)


def read_record(task_id: str, stored: Mapping[bytes, bytes]) -> TaskRecord:
    """The task that the hash holds.

    Raises:
        SchemaError: another version wrote it; the message names the task and the field.
    """
    fields = _Fields(stored)
    try:
        return _record(task_id, fields)
    except SchemaError as error:
        raise SchemaError(f"task {task_id}: {error.what}") from error
    except KeyError as error:
        raise SchemaError(f"task {task_id}: {fields.newest}: missing") from error
    except (ValueError, TypeError, IndexError) as error:
        raise SchemaError(f"task {task_id}: {fields.newest}: cannot be read: {error}") from error


def _record(task_id: str, fields: _Fields) -> TaskRecord:
    text, optional, number = fields.text, fields.optional, fields.number
    return TaskRecord(
        id=task_id,
        project=text("project"),
        name=text("name"),
        status=Status(text("status")),
        spec=decode(TaskSpec, text("spec")),
        parameters=decode_parameters(text("parameters")),
        overrides=tuple(json.loads(text("overrides"))),
        status_message=optional("status_message") or "",
        attempt=int(text("attempt")),
        lost_attempts=int(text("lost_attempts")),
        agent=optional("agent"),
        queue=optional("queue"),
        exit_code=int(text("exit_code")) if "exit_code" in fields else None,
        created=float(text("created")),
        started=number("started"),
        ended=number("ended"),
        stop=decode_stop(text("stop")) if "stop" in fields else None,
        terms=decode(Terms, text("terms")) if "terms" in fields else Terms(),
        retries_used=int(optional("retries_used") or 0),
        waits_for=decode_wait(text("waits_for")) if "waits_for" in fields else "",
        type=optional("type") or USUAL_TYPE,
        tags=fields.words("tags"),
        system_tags=fields.words("system_tags"),
        comment=optional("comment") or "",
        parent=optional("parent"),
        progress=number("progress"),
        # Before there was this field, a task told of its last move only.
        updated=number("updated") or number("ended") or number("started") or float(text("created")),
        properties={name: decode_property(note) for name, note in fields.beginning(PROPERTY)},
        parameter_info={name: decode(ParameterInfo, about) for name, about in fields.beginning(ABOUT)},
    )
