"""Hears that somebody asks a run at a desk to stop: `agent stop`."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from elsewhere import abort
from elsewhere.contract.errors import ElsewhereError, ServerUnfit, ServerUnreachable
from elsewhere.contract.status import Status
from elsewhere.notice import say

if TYPE_CHECKING:
    from elsewhere.store.protocol import Store

PAUSE_SECONDS: Final = 15.0
"""Between two tries while no server answers."""


def listen(store: Store, task_id: str, attempt: int) -> None:
    """Stop this process, in a while, when somebody asks that run of the task to stop.

    A thread waits for it on a connection of its own, which costs nothing, until the run is over.
    """
    waiting = threading.Thread(
        target=_wait, args=(store, task_id, attempt), name="elsewhere-ear", daemon=True
    )
    try:
        waiting.start()
    except RuntimeError:  # the interpreter is about to end
        return


def _wait(store: Store, task_id: str, attempt: int) -> None:
    owner = os.getpid()
    while os.getpid() == owner:
        try:
            task = store.wait_for_stop(task_id)
        except (ServerUnreachable, ServerUnfit):
            time.sleep(PAUSE_SECONDS)
            continue
        except ElsewhereError:
            return  # it was deleted
        if task.status is not Status.IN_PROGRESS or task.attempt != attempt:
            return
        if task.stop is not None:
            _stop(task_id, task.stop.by)
            return


def _stop(task_id: str, by: str) -> None:
    if hasattr(sys, "ps1"):
        # What a person has in a session is worth more than the process.
        say(f"{by} has stopped task {task_id}; this session goes on")
        abort.interrupt(by)
    else:
        abort.ask(by)
