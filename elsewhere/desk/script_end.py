"""How the script of this process came to its end: no hook of Python's says with which exit code.

What can be known, and how, is in ``docs/decisions/exit-status.md``.
"""

from __future__ import annotations

import contextlib
import opcode
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Final

from elsewhere import exit as leaving
from elsewhere.contract.status import Status
from elsewhere.desk.ending import Ending
from elsewhere.traceback_tail import last_lines

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from elsewhere.desk.script import Script

UNKNOWN: Final = Ending(
    Status.CLOSED,
    "nobody can tell with which exit code the script ended: before Python 3.12, sys.exit(code) says it,"
    " and raise SystemExit(code) does not",
)
"""Ended, without a verdict."""

_RETURNS: Final = {opcode.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in opcode.opmap}
_FILLS: Final = {opcode.opmap[name] for name in ("CACHE",) if name in opcode.opmap}
_RERAISE: Final = opcode.opmap["RERAISE"]
_SIGNALS: Final = {128 + number: number.name for number in (signal.SIGINT, signal.SIGTERM)}


def ending_of(script: Script) -> Ending:
    """How the script ended. To be asked when it has: by an exit handler."""
    if leaving.leaving is not None:
        return _of_code(leaving.leaving)
    if script.frame is None:
        return Ending(Status.COMPLETED)
    error = _uncaught(script, script.frame)
    if error is not None:
        return of_error(error)
    if hasattr(sys, "ps1"):  # a prompt has no verdict of its own
        return Ending(Status.COMPLETED)
    return _of_code(0) if _returned(script.frame) else UNKNOWN


def leave_as_before(script: Script) -> None:
    """Let Python end the process as it would have without us. To be called by the last of our handlers.

    After an interrupt it dies of SIGINT, unless some text was compiled and run meanwhile, as
    many a module does that is imported: then it forgets, and exits with 1. Here it is told again.
    """
    if script.frame is None or not script.outermost:
        return
    if isinstance(_uncaught(script, script.frame), KeyboardInterrupt):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - a text of ours


def of_error(error: BaseException) -> Ending:
    """What becomes of a task whose script was left by ``error``."""
    if isinstance(error, SystemExit):
        return _of_code(error.code)
    if isinstance(error, KeyboardInterrupt):
        return Ending(Status.STOPPED, "stopped by SIGINT")
    try:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:  # noqa: BLE001 - an exception's own text may fail
        text = type(error).__name__
    return Ending(Status.FAILED, _exited(1), 1, last_lines(text.encode("utf-8", "backslashreplace")))


def _of_code(code: object) -> Ending:
    if code is None:
        code = 0
    if not isinstance(code, int):
        # Python prints it, and exits with 1.
        try:
            text = str(code)
        except Exception:  # noqa: BLE001 - as above
            text = type(code).__name__
        return Ending(Status.FAILED, _exited(1), 1, last_lines(text.encode("utf-8", "backslashreplace")))
    code &= 0xFF
    if code in _SIGNALS:
        return Ending(Status.STOPPED, f"stopped by {_SIGNALS[code]}", code)
    return Ending(Status.FAILED if code else Status.COMPLETED, _exited(code) if code else "", code)


def _exited(code: int) -> str:
    return f"the script exited with code {code}"


def _uncaught(script: Script, frame: FrameType) -> BaseException | None:
    """What has left the script, as far as anybody knows."""
    if _returned(frame):
        return None
    if script.left is not None:
        return script.left
    if _passes(getattr(sys, "last_traceback", None), frame):
        return getattr(sys, "last_value", None)
    if script.exited is None:
        return None
    asked, code = script.exited
    place, operation = _place(frame, frame.f_lasti)
    # One that was caught says nothing of a later end; behind a `finally` it is raised again.
    same = place == _place(frame, asked)[0] or operation == _RERAISE
    return SystemExit(code) if same else None


def _passes(trace: TracebackType | None, frame: FrameType | None) -> bool:
    while trace is not None:
        if trace.tb_frame is frame:
            return True
        trace = trace.tb_next
    return False


def _returned(frame: FrameType) -> bool:
    return _place(frame, frame.f_lasti)[1] in _RETURNS


def _place(frame: FrameType, at: int) -> tuple[int, int]:
    """Offset and operation of a frame where it stands, or stood, at that offset or in what fills it up."""
    operations = frame.f_code.co_code
    while at > 0 and operations[at] in _FILLS:
        at -= 2
    return at, operations[at]
