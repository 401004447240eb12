"""A stop from outside, by SIGTERM or by a request: what is done before the process dies of it.

Standard library only: it is the same in an attempt and at a desk.

A signal's handler runs in the main thread, between two lines of the script, which may hold any
lock. So it only starts a thread, and the script goes on until that thread is done: a callback may
set what the script's loop looks at, and what it writes meets no lock that is held for good.
"""

from __future__ import annotations

import _thread
import atexit
import itertools
import os
import signal
import sys
import threading
import time

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

OBSTINATE_SECONDS = 5.0
"""How long the main thread may take to die of the signal: some libraries' code hears none for hours."""


class _Abort:
    """Of this process alone; a forked child has one of its own."""

    def __init__(self) -> None:
        self.callbacks: dict[object, tuple[Callable[[], object], float]] = {}
        self.finish: Callable[[str], bool] | None = None
        self.before: Any = None
        """The handler that ours stands in front of; None where it does not."""
        self.times = itertools.count()
        self.over = False
        self.thread: threading.Thread | None = None


_abort = _Abort()


def call_back(key: object, callback: Callable[[], object] | None, seconds: float = 0.0) -> None:
    """Call ``callback`` when a stop comes, and wait so long for it; None takes back the one of that key."""
    if callback is None:
        _abort.callbacks.pop(key, None)
    else:
        _abort.callbacks[key] = (callback, min(seconds, threading.TIMEOUT_MAX))


def finish_by(finish: Callable[[str], bool]) -> None:
    """After all callbacks, before the process dies, ``finish`` is told who asked for the stop.

    Called in the main thread, it must wait for no lock, and says whether the process may die now.
    """
    _abort.finish = finish


def listen(*, before_others: bool = False) -> bool:
    """Hear SIGTERM from now on, where nobody else does; whether it is heard.

    Only the main thread can do so.

    Args:
        before_others: Also where the script has a handler of its own. That is called afterwards, and
            says alone what becomes of the process.
    """
    heard = signal.getsignal(signal.SIGTERM)
    if heard is _hear:
        return True
    if heard != signal.SIG_DFL and not (before_others and callable(heard)):
        return False
    try:
        signal.signal(signal.SIGTERM, _hear)
    except ValueError:  # not in the main thread
        return False
    _abort.before = heard
    atexit.register(_let_go)
    return True


def can_listen() -> bool:
    """Whether SIGTERM does something to this process, so that somebody in it can hear it."""
    return callable(signal.getsignal(signal.SIGTERM)) or signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def ask(by: str) -> None:
    """Stop this process soon, as SIGTERM would. From any thread; asking twice does nothing more."""
    if next(_abort.times) > 0:
        return
    _abort.thread = threading.Thread(target=_stop, args=(_abort, by), name="abort", daemon=True)
    _abort.thread.start()


def interrupt(by: str) -> None:
    """Do all that comes before the end, and then interrupt what runs at this prompt instead. From any
    thread but the main one.
    """
    abort = _abort
    _call_back(abort)
    if abort.finish is not None:
        abort.finish(by)
    _thread.interrupt_main()


def under_way() -> bool:
    """Whether a stop was asked for."""
    return _abort.thread is not None


def await_end() -> None:
    """In the main thread: wait until a stop that is under way has ended the process."""
    thread = _abort.thread
    while thread is not None and thread.is_alive():
        thread.join(0.1)  # a signal that comes right before the wait does not end it


def _hear(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _abort.over:
        _die()
        return
    try:
        ask("SIGTERM")
    except RuntimeError:  # Python 3.12 starts no thread any more while it shuts down
        if _abort.finish is None or _abort.finish("SIGTERM"):
            _die()


def _die() -> None:
    """As the process would have died of SIGTERM without us. In the main thread."""
    signal.signal(signal.SIGTERM, _abort.before)
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(abort: _Abort, by: str) -> None:
    _call_back(abort)
    if abort.finish is not None:
        abort.finish(by)
    abort.over = True
    fatal = abort.before == signal.SIG_DFL
    os.kill(os.getpid(), signal.SIGTERM)
    if fatal:
        time.sleep(OBSTINATE_SECONDS)
        os._exit(128 + signal.SIGTERM)


def _call_back(abort: _Abort) -> None:
    called = []
    for callback, seconds in list(abort.callbacks.values()):
        thread = threading.Thread(target=callback, name="abort callback", daemon=True)
        thread.start()
        called.append((thread, time.monotonic() + seconds, seconds))
    for thread, end, seconds in called:
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            sys.stderr.write(
                f"elsewhere: the abort callback has not returned within {seconds:g} s:"
                " this process ends without it\n"
            )


def _let_go() -> None:
    """At the end of the process: a stop that is under way ends it, and a later one kills it at once."""
    await_end()
    _restore()


def _restore() -> None:
    if _abort.before is not None and signal.getsignal(signal.SIGTERM) is _hear:
        signal.signal(signal.SIGTERM, _abort.before)


_forking = threading.local()


def _hold_back() -> None:
    """A child that is asked to end before it has forgotten our handler would never hear of it."""
    if _abort.before is not None:
        _forking.unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _go_on() -> None:
    unmasked = getattr(_forking, "unmasked", None)
    if unmasked is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        _forking.unmasked = None


def _forget() -> None:
    """A forked child is not the one that is asked to stop: it dies of SIGTERM as any other does."""
    global _abort
    _restore()
    _abort = _Abort()
    _go_on()


os.register_at_fork(before=_hold_back, after_in_parent=_go_on, after_in_child=_forget)
