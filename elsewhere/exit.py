"""How a script that imports Elsewhere is ended by it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from elsewhere.contract.errors import ElsewhereError

leaving: int | None = None
"""The exit code that another thread than the main one ends this process with; None where none does."""


def leave(code: int) -> NoReturn:
    """End the process with ``code`` at this line: exit handlers run, ``except Exception`` does not.

    From any thread but the main one, where ``SystemExit`` would end that thread only, the
    exit handlers run here, and other threads are not waited for.
    """
    global leaving
    import threading

    if threading.current_thread() is not threading.main_thread():
        import atexit

        leaving = code
        atexit._run_exitfuncs()
        _flush()
        os._exit(code)
    sys.exit(code)


def fail(error: ElsewhereError) -> NoReturn:
    """Say on stderr what went wrong and what to do next, and end with the error's exit code."""
    _flush()
    sys.stderr.write(f"elsewhere: error: {error}\n")
    leave(error.exit_code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # None under pythonw and some daemons; a closed pipe must not hide what is to be said.
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
