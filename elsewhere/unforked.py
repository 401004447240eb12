"""What no fork of this process may come between, where a thread of ours does it beside the script.

A forked child has the script's thread only. A module that another thread was importing can never be
imported in it; and of a program that another thread was starting, it holds the pipes open, so that
their reader waits for the child to end.
"""

from __future__ import annotations

import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

WAIT_SECONDS = 10.0
"""How long a fork waits for what is under way at most."""

_lock = threading.RLock()
_waited = _installed = False


def install() -> None:
    """From now on, let forks wait. Safe to repeat.

    To be called when everything else that has a say before a fork was imported: what came last is asked
    first, and `logging`, which holds a lock from then on, would keep our threads from ever being done.
    """
    global _installed
    import concurrent.futures.thread  # noqa: F401 - it has a say, and so has `logging`, which it imports

    if not _installed:
        _installed = True
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def held() -> AbstractContextManager[object]:
    """Nobody forks inside the block."""
    return _lock


def import_all(*names: str) -> None:
    """Import these modules, those of them that are there."""
    from contextlib import suppress
    from importlib import import_module

    with held():
        for name in names:
            with suppress(ImportError):
                import_module(name)


def _before() -> None:
    global _waited
    _waited = _lock.acquire(timeout=WAIT_SECONDS)


def _after_in_parent() -> None:
    if _waited:
        _lock.release()


def _after_in_child() -> None:
    global _lock
    _lock = threading.RLock()
