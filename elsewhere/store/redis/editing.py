"""What is changed of a task by hand: fields, parameters, configurations; copies, and the end of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.codec import SCHEMA, decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.edit import Configuration, Edit
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, Parameters, TaskRecord
from elsewhere.store import identity
from elsewhere.store.edit_rules import accepted_already, check_edit, undeletable
from elsewhere.store.log_rules import check_numbered, gap
from elsewhere.store.redis.answer import accepted
from elsewhere.store.redis.connection import answering
from elsewhere.store.redis.record import edited_fields, encode_overrides, encode_words, pairs, read_record
from elsewhere.store.refusal import not_found, owned
from elsewhere.store.script import Argument, Script

EDIT = Script(__file__, "edit.lua")
SET_PARAMETERS = Script(__file__, "set_parameters.lua")
SET_CONFIGURATION = Script(__file__, "set_configuration.lua")
CLONE = Script(__file__, "clone.lua")
DELETE = Script(__file__, "delete.lua")


def edit_task(
    connection: redis.Redis, task_id: str, edit: Edit, attempt: int | None, sequence: int | None
) -> TaskRecord:
    """Make the changes of ``edit``."""
    check_numbered(sequence, attempt)
    check_edit(edit)
    fields, dropped = edited_fields(edit)
    words = (edit.remove_tags, edit.add_tags, edit.remove_system_tags, edit.add_system_tags, dropped)
    arguments: list[Argument] = [task_id, or_nothing(attempt), or_nothing(sequence)]
    arguments += ["" if edit.spec is None else "1", "" if edit.tags is None else encode_words(edit.tags)]
    arguments += [*map(encode_words, words), *flat(fields)]
    answer = EDIT.run(connection, [keys.task(task_id)], arguments)
    if answer[0] == b"refused":
        raise accepted_already(task_id, Status(answer[1].decode()))
    return read_record(task_id, pairs(in_line(answer, task_id, attempt, sequence)[0]))


def swap_parameters(
    connection: redis.Redis,
    task_id: str,
    change: Callable[[Parameters], Mapping[str, JSONValue]],
    attempt: int | None,
    sequence: int | None,
    overrides: tuple[str, ...] | None,
) -> None:
    """Make the task's parameters what ``change`` makes of them."""
    check_numbered(sequence, attempt)
    names = "" if overrides is None else encode_overrides(overrides)
    while True:
        with answering(connection):
            read = cast("bytes | None", connection.hget(keys.task(task_id), "parameters"))
        if read is None:
            raise not_found(task_id)
        stands = decode_parameters(read)
        wanted = change(stands)
        gone = encode_words(name for name in stands if name not in wanted)
        arguments: list[Argument] = [task_id, or_nothing(attempt), read, encode_parameters(wanted)]
        arguments += [names, or_nothing(sequence), gone]
        answer = SET_PARAMETERS.run(connection, [keys.task(task_id)], arguments)
        # Somebody else changed them in between: change what stands there now.
        if answer[0] != b"changed":
            in_line(answer, task_id, attempt, sequence)
            return


def set_configuration(
    connection: redis.Redis,
    task_id: str,
    name: str,
    configuration: Configuration | None,
    attempt: int | None,
    sequence: int | None,
) -> None:
    """Keep a configuration under its name; None drops it."""
    check_numbered(sequence, attempt)
    text = "" if configuration is None else encode(configuration)
    arguments = [task_id, or_nothing(attempt), or_nothing(sequence), name, text]
    answer = SET_CONFIGURATION.run(connection, [keys.task(task_id)], arguments)
    in_line(answer, task_id, attempt, sequence)


def read_configuration(connection: redis.Redis, task_id: str, name: str) -> Configuration | None:
    """The configuration of that name."""
    with answering(connection):
        stored = cast("bytes | None", connection.hget(keys.task_configurations(task_id), name))
    return None if stored is None else decode(Configuration, stored)


def read_configurations(connection: redis.Redis, task_id: str) -> dict[str, Configuration]:
    """All configurations, by name."""
    with answering(connection):
        stored = cast("dict[bytes, bytes]", connection.hgetall(keys.task_configurations(task_id)))
    return {name.decode(): decode(Configuration, text) for name, text in sorted(stored.items())}


def clone_task(connection: redis.Redis, task_id: str, given: Mapping[str, str]) -> TaskRecord:
    """A draft like the task, with ``given`` fields."""
    new = identity.new_id()
    answer = CLONE.run(connection, [keys.task(task_id), keys.task(new)], [task_id, new, SCHEMA, *flat(given)])
    if answer[0] == b"newer":
        raise SchemaError(
            f"task {task_id}: stored with schema version {answer[1].decode()}, this side reads {SCHEMA}"
        )
    return read_record(new, pairs(accepted(answer, task_id)[0]))


def delete_task(connection: redis.Redis, task_id: str, force: bool) -> None:
    """Delete the task and what belongs to it."""
    answer = DELETE.run(connection, [keys.task(task_id)], [task_id, "1" if force else ""])
    if answer[0] == b"leased":
        raise owned(task_id, answer[1].decode(), answer[2].decode(), "be deleted")
    if answer[0] == b"refused":
        raise undeletable(task_id, answer[1].decode())
    accepted(answer, task_id)


def in_line(answer: Sequence[Any], task_id: str, attempt: int | None, sequence: int | None) -> list[Any]:
    """What the answer to a numbered write holds after its ``ok``; raise what it says otherwise."""
    if answer[0] == b"gap" and sequence is not None:
        raise gap(task_id, sequence, int(answer[1]))
    return accepted(answer, task_id, attempt)


def or_nothing(number: int | None) -> Argument:
    """A number as scripts get it, or their word for none."""
    return "" if number is None else number


def flat(fields: Mapping[str, Any]) -> list[Argument]:
    """Fields and values, one after the other."""
    return [item for pair in fields.items() for item in pair]
