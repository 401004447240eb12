"""`agent show`: all that is known of a task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from agent.cli._escapes import printable
from agent.cli._options import AsJson, TaskId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elsewhere.contract.events import Event
    from elsewhere.contract.task import TaskRecord


def command(task: TaskId, as_json: AsJson = False) -> None:
    """Show a task: what it is, its parameters, and what happened to it."""
    import dataclasses

    from agent.cli._desk import open_desk_and_server
    from agent.cli._standing import lost_contact
    from agent.cli._task_json import print_json, task_json

    with open_desk_and_server() as (store, connection):
        task_id = store.resolve(task)
        record, events = store.get(task_id), store.events(task_id)
        lost = bool(lost_contact(connection, [record]))
    if not as_json:
        _print(record, events, lost)
        return
    happened = [
        {"time": event.time, "kind": event.kind, "attempt": event.attempt, "detail": event.detail}
        for event in events
    ]
    print_json(
        {
            **task_json(record, lost_contact=lost),
            "overrides": [*record.overrides],
            "terms": {**dataclasses.asdict(record.terms), "parents": [*record.terms.parents]},
            "retries_used": record.retries_used,
            "events": happened,
        }
    )


def _print(task: TaskRecord, events: Sequence[Event], lost: bool) -> None:
    from agent.cli._clock import moment

    fields = [*_fields(task, lost), *_terms(task)]
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        typer.echo(f"{name:<{width}}  {_indented(value, width + 2)}")
    if task.parameters:
        typer.echo("\nparameters")
        for key, setting in sorted(task.parameters.items()):
            mark = "  (set by hand)" if key in task.overrides else ""
            typer.echo(f"  {printable(key)} = {printable(json.dumps(setting, ensure_ascii=False))}{mark}")
    if events:
        typer.echo("\nevents")
        for event in events:
            attempt = f"attempt {event.attempt}" if event.attempt else ""
            line = f"  {moment(event.time)}  {event.kind:<14} {attempt:<10} {_indented(event.detail, 4)}"
            typer.echo(line.rstrip())


def _fields(task: TaskRecord, lost: bool) -> Iterator[tuple[str, str]]:
    """What there is to say of the task, in the order in which it is asked for."""
    from agent.cli._clock import duration, moment
    from agent.cli._standing import standing

    source, entry = task.spec.source, task.spec.entry
    yield "id", task.id
    yield "project", task.project
    yield "name", task.name
    yield "status", standing(task, lost, len(task.id))
    if task.status_message:
        yield "message", task.status_message
    if task.stop is not None:
        yield "stop", f"asked for by {task.stop.by}"
    if task.exit_code is not None:
        yield "exit code", str(task.exit_code)
    yield "queue", task.queue or "-"
    yield "agent", task.agent or "-"
    yield "attempt", str(task.attempt)
    yield "created", moment(task.created)
    if task.started is not None:
        yield "started", moment(task.started)
    if task.started is not None and task.ended is not None:
        yield "ended", f"{moment(task.ended)} (after {duration(task.ended - task.started)})"
    yield "command", " ".join([entry.script, *entry.arguments])
    if source.commit:
        changes = "with uncommitted changes" if source.diff else "without uncommitted changes"
        yield "source", f"{source.repository or 'no remote'} at {source.commit[:12]}, {changes}"


def _terms(task: TaskRecord) -> Iterator[tuple[str, str]]:
    """What of the terms is not as usual."""
    from agent.cli._clock import duration, moment
    from elsewhere.capture.size import in_words

    terms = task.terms
    if terms.priority:
        yield "priority", str(terms.priority)
    if terms.run_at is not None:
        yield "not before", moment(terms.run_at)
    for parent in terms.parents:
        yield "after", f"task {parent}"
    if terms.retries:
        yield "retries", f"{task.retries_used} of {terms.retries}"
    if terms.timeout_seconds is not None:
        yield "time limit", duration(terms.timeout_seconds)
    if terms.limits.memory_bytes is not None:
        yield "memory", f"at most {in_words(terms.limits.memory_bytes)}"
    if terms.limits.cpus is not None:
        yield "cpus", f"at most {terms.limits.cpus:g}"


def _indented(text: str, columns: int) -> str:
    return printable(text).replace("\n", "\n" + " " * columns)
