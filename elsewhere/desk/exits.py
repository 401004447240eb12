"""The end of a process that has open tasks: each is ended as the process was."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

from elsewhere import abort
from elsewhere.desk.script import Script

TYPE_CHECKING = False  # the script waits for what is imported here
if TYPE_CHECKING:
    from elsewhere.desk.desk import Desk
    from elsewhere.desk.ending import Ending
    from elsewhere.simulated import Simulated

DEADLINE_SECONDS = 5.0
"""What the end of a process may be held up, all in all."""

_ending = threading.Lock()
_owner = 0
_script: Script | None = None


def install() -> None:
    """From now on, end what is open when this process ends. It is safe to repeat.

    Exit handlers that the script registers later run before. The children that are forked from here on
    end nothing of it.
    """
    global _ending, _owner, _script
    if _owner == os.getpid():
        return
    _ending = threading.Lock()  # of a parent it may be held
    _owner = os.getpid()
    _script = Script()
    abort.listen()
    abort.finish_by(_stop)
    # Last, so that it comes before the end of listening.
    atexit.register(_leave, _owner)


def deadline_seconds() -> float:
    """What the end of a process may be held up: the setting ``exit_deadline_seconds``."""
    from elsewhere import settings
    from elsewhere.contract.errors import ConfigurationError

    try:
        return settings.seconds("exit_deadline_seconds", DEADLINE_SECONDS, settings.find_folders())
    except ConfigurationError as error:
        sys.stderr.write(f"elsewhere: {error}\n")
        return DEADLINE_SECONDS


def _leave(owner: int) -> None:
    if os.getpid() != owner or _script is None:
        return
    abort.await_end()
    from elsewhere.desk.script_end import ending_of, leave_as_before

    try:
        with _ending:
            _end_all(ending_of(_script))
    except KeyboardInterrupt:
        sys.stderr.write("elsewhere: interrupted before the end of the task was kept\n")
    leave_as_before(_script)


def _stop(by: str) -> bool:
    from elsewhere.contract.status import Status
    from elsewhere.desk.ending import Ending

    # In the main thread this is a signal, which may have come while that very thread is at it.
    wait = threading.current_thread() is not threading.main_thread()
    if not _ending.acquire(blocking=wait):
        return False
    try:
        _end_all(Ending(Status.STOPPED, f"stopped by {by}"))
    finally:
        _ending.release()
    return True


def _end_all(ending: Ending) -> None:
    from elsewhere.desk.opened import opened

    desks = opened()
    if not desks:
        return
    end = time.monotonic() + deadline_seconds()
    for desk in reversed(desks):
        _end(desk, ending, max(0.0, end - time.monotonic()))


def _end(desk: Desk | Simulated, ending: Ending, seconds: float) -> None:
    try:
        desk.end(ending, seconds)
    except Exception as error:  # noqa: BLE001 - nothing may keep the others, or the process, from their end
        sys.stderr.write(f"elsewhere: the end of task {desk.id} was not kept: {error}\n")
