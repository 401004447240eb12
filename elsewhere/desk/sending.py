"""A run leaves its desk: it is captured, queued, followed, and this process ends, or goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from elsewhere.contract.errors import ElsewhereError, ServerUnreachable
from elsewhere.contract.status import ENDED, Status
from elsewhere.exit import fail, leave
from elsewhere.store.queue_name import checked
from elsewhere.submission import enqueue

if TYPE_CHECKING:
    from elsewhere.contract.task import TaskRecord
    from elsewhere.desk.desk import Desk
    from elsewhere.desk.drafting import Drafted
    from elsewhere.desk.prompt import Notebook, Prompt
    from elsewhere.task import Task

INTERRUPTED = 130
"""The exit code after Ctrl-C, as in a shell."""


def send(
    desk: Desk, queue: str | None, *, copy: bool, exit_process: bool, follow: bool, wait: bool
) -> Task | None:
    """Do what ``execute_remotely`` promises; return the task where it was copied or waited for."""
    if not desk.owned:
        # Another rank of a launcher, such as torchrun: the first one sends the run of them all.
        if exit_process and not wait:
            leave(0)
        return None
    prompt = _prompt()
    sys.stdout.flush()
    try:
        if queue is not None:
            checked(queue)  # before the task is a draft, which nobody would enqueue then
        drafted = desk.draft(copy=copy)
        if queue is not None:
            enqueue(drafted.store, drafted.record.id, queue)
        if not follow and not wait:
            _tell(drafted, queue)
            ended = None
        else:
            ends_process = exit_process and not wait and prompt is None
            ended = _see_through(drafted, queue, follow=follow, ends_process=ends_process)
    except ElsewhereError as error:
        if prompt is None:
            fail(error)
        _halt(f"elsewhere: error: {error}")
    if exit_process and not wait:
        if prompt is not None:
            _tell_of_cells(prompt)
            _halt("elsewhere: this cell ends here; what follows in it is done elsewhere")
        from elsewhere.following import exit_code

        leave(0 if ended is None else exit_code(ended))
    from elsewhere.stored import Stored
    from elsewhere.task import Task

    return Task(Stored(drafted.store, drafted.record.id))


def _prompt() -> Notebook | Prompt | None:
    from elsewhere.desk.prompt import find_prompt
    from elsewhere.desk.started import has_script

    return None if has_script() else find_prompt()


def _see_through(drafted: Drafted, queue: str | None, *, follow: bool, ends_process: bool) -> TaskRecord:
    """Follow the queued run, or wait for it, until it has ended."""
    store, task_id = drafted.store, drafted.record.id
    try:
        _tell(drafted, queue)
        if follow:
            from elsewhere.following import TextView
            from elsewhere.following import follow as show

            show(store, task_id, TextView(sys.stdout))
        ended = store.wait_for_status(task_id, ENDED)
    except KeyboardInterrupt:
        _say(
            f"not waiting any more; the run goes on: follow it with 'agent logs -f {task_id[:8]}', "
            f"stop it with 'agent stop {task_id[:8]}'"
        )
        if ends_process:
            leave(INTERRUPTED)
        raise
    except ServerUnreachable as error:
        raise ServerUnreachable(
            f"{error.what}; the run is queued, and goes on without this process",
            f"`agent logs -f {task_id[:8]}` follows it, once the server answers.",
        ) from error
    _say(f"task {task_id} {_how(ended)}")
    return ended


def _how(ended: TaskRecord) -> str:
    message = ended.status_message if ended.status is not Status.COMPLETED else ""
    return f"{ended.status}: {message.splitlines()[0]}" if message else str(ended.status)


def _tell(drafted: Drafted, queue: str | None) -> None:
    task_id = drafted.record.id
    lines = list(drafted.notes)
    if queue is None:
        lines.append(f"task {task_id} is a draft: nothing runs it until it is enqueued")
        lines.append(f"queue it with 'agent enqueue {task_id[:8]} --queue default'")
    else:
        lines.append(f"task {task_id} is queued on {queue!r}")
        lines.append(f"follow it with 'agent logs -f {task_id[:8]}'")
        if not drafted.store.serving(queue):
            lines.append(
                f"no agent serves queue {queue!r} yet: start one with 'agent daemon --queue {queue}'"
            )
    _say(*lines)


def _tell_of_cells(prompt: Notebook | Prompt) -> None:
    name = getattr(prompt, "name", "")
    if name:
        _say(
            "cells that have not run are no part of it; to send all of the notebook, save it and run "
            f"'agent submit {name}.ipynb'"
        )


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"elsewhere: {line}\n" for line in lines))
    sys.stdout.flush()


def _halt(text: str) -> NoReturn:
    from elsewhere.desk.prompt import halt

    halt(text)
