"""`agent execute`: run a task here and now."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from agent.cli._options import AsJson, TaskId


def command(task: TaskId, as_json: AsJson = False) -> None:
    """Run a task here and now, whatever waits in its queue.

    It must be a draft or queued. The exit code is the script's own. With --json the script's
    output goes to stderr.
    """
    from agent.cli._desk import open_desk
    from agent.cli._task_json import print_json, task_json
    from agent.execute import run
    from elsewhere.settings import load

    with open_desk() as store:
        task_id = store.resolve(task)
        if not as_json:
            raise typer.Exit(run(load(), task_id))
        with _stdout_kept_free():
            code = run(load(), task_id)
        print_json(task_json(store.get(task_id)))
    raise typer.Exit(code)


@contextmanager
def _stdout_kept_free() -> Iterator[None]:
    """Send to stderr what this process and its children write to stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
