"""What the caller has done to its signals, kept away from the command that it starts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_RESTORED_BY_SUBPROCESS: Final = {signal.SIGPIPE, signal.SIGXFSZ}


@contextmanager
def default_signals() -> Iterator[None]:
    """A child that is started in this block has default dispositions and an empty mask.

    ``exec`` resets a signal that is caught but hands down one that is ignored (a daemon under
    ``nohup``), so the ignored ones are caught for the moment. Python allows that in the main
    thread only; a start from another thread hands down what is ignored. A child-side hook
    (``preexec_fn``) could do it anywhere, but costs the cheap ``vfork`` and is unsafe with threads.
    """
    ignored = _ignored() if threading.current_thread() is threading.main_thread() else []
    blocked = signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        for number in ignored:
            signal.signal(number, _nothing)
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _ignored() -> list[int]:
    candidates = signal.valid_signals() - _RESTORED_BY_SUBPROCESS
    return [number for number in candidates if signal.getsignal(number) is signal.SIG_IGN]


def _nothing(number: int, frame: object) -> None:
    """What an ignored signal does while it is caught."""
    del number, frame
