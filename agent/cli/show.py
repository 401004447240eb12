"""`agent show`: all that is known of a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli._options import AsJson, TaskId
from elsewhere.escapes import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elsewhere.contract.built import Built
    from elsewhere.contract.edit import Configuration
    from elsewhere.contract.events import Event
    from elsewhere.contract.series import SeriesSummary
    from elsewhere.contract.task import TaskRecord
    from elsewhere.store.protocol import Store

ShowPackages = Annotated[
    bool, typer.Option("--packages", help="Show the packages asked for beside those that an attempt had.")
]


@dataclass(frozen=True)
class Shown:
    """A task with what belongs to it, as it was read at one moment."""

    task: TaskRecord
    events: Sequence[Event]
    built: Built | None
    memory: SeriesSummary | None
    """What the monitor saw of its attempts, in bytes."""
    cpu: SeriesSummary | None
    """In percent of one processor."""
    lost: bool
    """Whether it runs and was not heard of for a while."""
    configurations: Mapping[str, Configuration]
    now: float
    """By the server's clock, in seconds since the epoch, as all times are."""
    eta: float | None
    """When it will be through, where that is known."""


def command(task: TaskId, packages: ShowPackages = False, as_json: AsJson = False) -> None:
    """Show a task: what it is, its parameters, its environment, and what happened to it."""
    from agent.cli._desk import open_desk_and_server, server_time
    from agent.cli._standing import lost_contact

    with open_desk_and_server() as (store, connection):
        record = store.get(store.resolve(task))
        lost = bool(lost_contact(connection, [record]))
        shown = _read(store, record, lost, server_time(connection))
    if as_json:
        _print_json(shown)
    elif packages:
        _print_packages(shown)
    else:
        _print(shown)


def _read(store: Store, task: TaskRecord, lost: bool, now: float) -> Shown:
    from agent.cli._arrival import arrival
    from agent.monitor import titles

    def series(title: str, *names: str) -> SeriesSummary | None:
        told = {one.series: one for one in store.series(task.id, title)}
        return next((told[name] for name in names if name in told), None)

    return Shown(
        task,
        store.events(task.id),
        store.built(task.id),
        memory=series(titles.MEMORY, titles.PSS, titles.RSS),
        cpu=series(titles.CPU, titles.PERCENT),
        lost=lost,
        configurations=store.configurations(task.id),
        now=now,
        eta=arrival(store, task, now),
    )


def _print_json(shown: Shown) -> None:
    import dataclasses

    from agent.cli._task_json import print_json, task_json

    task = shown.task
    print_json(
        {
            **task_json(task, lost_contact=shown.lost, eta=shown.eta),
            "overrides": [*task.overrides],
            "terms": {**dataclasses.asdict(task.terms), "parents": [*task.terms.parents]},
            "retries_used": task.retries_used,
            "properties": {name: dataclasses.asdict(note) for name, note in task.properties.items()},
            "configurations": {name: dataclasses.asdict(kept) for name, kept in shown.configurations.items()},
            "built": _built_json(shown),
            "resources": {
                "peak_memory_bytes": shown.memory and shown.memory.highest,
                "mean_cpu_percent": shown.cpu and shown.cpu.mean,
            },
            "events": [
                {"time": event.time, "kind": event.kind, "attempt": event.attempt, "detail": event.detail}
                for event in shown.events
            ],
        }
    )


def _built_json(shown: Shown) -> dict[str, Any] | None:
    """What was built, each package beside what was asked for; null before the first attempt's."""
    import dataclasses

    from agent.cli._package_view import compare

    if shown.built is None:
        return None
    rows = compare(shown.task.spec.packages, shown.built)
    return {**dataclasses.asdict(shown.built), "packages": [dataclasses.asdict(row) for row in rows]}


def _print_packages(shown: Shown) -> None:
    from agent.cli._package_view import compare
    from agent.cli._table import print_table

    asked, built = shown.task.spec.packages, shown.built
    if built is None:
        typer.echo("no attempt of this task has had its environment yet", err=True)
        return
    rows = [("python", asked.python, built.python, _python_differs(asked.python, built.python))]
    if shown.task.spec.image is not None or built.image:
        name = shown.task.spec.image.name if shown.task.spec.image is not None else ""
        rows.append(("image", name, built.image, ""))
    rows += [(row.name, row.asked, row.built, row.difference) for row in compare(asked, built)]
    print_table(("package", "asked for", "built", "difference"), rows, nothing="no packages")


def _python_differs(asked: str, built: str) -> str:
    """Whether it is another Python: 3.11 asks for any 3.11, and nothing for any at all."""
    return "" if not asked or f"{built}.".startswith(f"{asked}.") else "differs"


def _print(shown: Shown) -> None:
    from agent.cli._clock import moment

    task = shown.task
    fields = [*_fields(task, shown.lost), *_terms(task), *_progress(shown), *_found(shown)]
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        typer.echo(f"{name:<{width}}  {_indented(value, width + 2)}")
    if task.parameters:
        typer.echo("\nparameters")
        for key, setting in sorted(task.parameters.items()):
            mark = "  (set by hand)" if key in task.overrides else ""
            typer.echo(f"  {printable(key)} = {printable(json.dumps(setting, ensure_ascii=False))}{mark}")
    _print_notes(shown)
    if shown.events:
        typer.echo("\nevents")
        for event in shown.events:
            attempt = f"attempt {event.attempt}" if event.attempt else ""
            line = f"  {moment(event.time)}  {event.kind:<14} {attempt:<10} {_indented(event.detail, 4)}"
            typer.echo(line.rstrip())


def _print_notes(shown: Shown) -> None:
    """What belongs to the task beside its parameters, where there is any."""
    from elsewhere.capture.size import in_words

    if shown.task.properties:
        typer.echo("\nproperties")
    for name, note in sorted(shown.task.properties.items()):
        about = f"  ({_indented(note.description, 4)})" if note.description else ""
        typer.echo(f"  {_indented(name, 4)} = {printable(json.dumps(note.value, ensure_ascii=False))}{about}")
    if shown.configurations:
        typer.echo("\nconfigurations")
    for name, kept in sorted(shown.configurations.items()):
        about = f"  ({_indented(kept.description, 4)})" if kept.description else ""
        typer.echo(f"  {_indented(name, 4)}  {printable(kept.suffix)}  {in_words(kept.blob.size)}{about}")


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


def _progress(shown: Shown) -> Iterator[tuple[str, str]]:
    """How far the run has come, and what it takes yet."""
    from agent.cli._arrival import percent
    from agent.cli._clock import duration, moment

    if shown.task.progress is None:
        return
    yet = ""
    if shown.eta is not None:
        yet = f", about {duration(shown.eta - shown.now)} to go, until {moment(shown.eta)}"
    yield "progress", percent(shown.task) + yet


def _found(shown: Shown) -> Iterator[tuple[str, str]]:
    """What an attempt had, and what it took."""
    from elsewhere.capture.size import in_words

    built = shown.built
    if built is not None:
        facts = [built.environment[:12] or "not built by us", f"Python {built.python or 'unknown'}"]
        facts.append(f"{len(built.packages)} packages")
        yield "environment", ", ".join([*facts, *([f"image {built.image}"] if built.image else [])])
    taken = []
    if shown.memory is not None and shown.memory.highest is not None:
        taken.append(f"peak memory {in_words(int(shown.memory.highest))}")
    if shown.cpu is not None and shown.cpu.mean is not None:
        taken.append(f"mean CPU {shown.cpu.mean:.0f} %")
    if taken:
        yield "resources", ", ".join(taken)


def _indented(text: str, columns: int) -> str:
    return printable(text).replace("\n", "\n" + " " * columns)
