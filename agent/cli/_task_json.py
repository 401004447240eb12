"""A task as the JSON object that every command prints."""

from __future__ import annotations

import json
import math
from typing import Any

import typer

from elsewhere.contract.task import TaskRecord


def task_json(task: TaskRecord, *, lost_contact: bool = False, eta: float | None = None) -> dict[str, Any]:
    """The task as JSON data. Times are seconds since the epoch; what is absent is null.

    ``lost_contact``: its attempt was not heard of for a while. ``waits_for`` is null for a
    task that waits for nothing but its turn. ``eta``: when it will be through, where that is known.
    """
    return {
        "id": task.id,
        "project": task.project,
        "name": task.name,
        "status": task.status.value,
        "status_message": task.status_message,
        "waits_for": task.waits_for or None,
        "lost_contact": lost_contact,
        "attempt": task.attempt,
        "agent": task.agent,
        "queue": task.queue,
        "parameters": dict(task.parameters),
        "exit_code": task.exit_code,
        "created": task.created,
        "started": task.started,
        "ended": task.ended,
        "progress": task.progress,
        "eta": eta,
    }


def print_json(value: object) -> None:
    """Print ``value`` on stdout as JSON that every parser reads.

    JSON has no word for NaN and the infinities, which parameters may be: they become the
    texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
    """
    typer.echo(json.dumps(_finite(value), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
