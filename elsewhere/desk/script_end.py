"""How the script of this process came to its end: no hook of Python's says with which exit code.

What can be known, and how, is in ``docs/decisions/exit-status.md``.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import opcode
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Final

from elsewhere import exit as leaving
from elsewhere.contract.status import Status
from elsewhere.desk.ending import Ending
from elsewhere.traceback_tail import last_lines

if TYPE_CHECKING:
    from types import CodeType, FrameType, TracebackType
    from typing import Any

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


class ScriptEnd:
    """Watches the script of this process, from now on."""

    def __init__(self) -> None:
        self._frame = _script_frame()
        self._outermost = self._frame is not None and self._frame.f_back is None
        self._left: BaseException | None = None
        self._exits: tuple[int, object] | None = None
        if self._frame is not None and not self._monitor(self._frame.f_code):
            self._wrap_exit()

    def ending(self) -> Ending:
        """How it ended. To be asked when it has: by an exit handler."""
        if leaving.leaving is not None:
            return _of_code(leaving.leaving)
        if self._frame is None:  # a host of another language has nothing but the handlers
            return Ending(Status.COMPLETED)
        error = self._uncaught(self._frame)
        if error is not None:
            return of_error(error)
        ended = _returned(self._frame) or hasattr(sys, "ps1")  # a prompt has no verdict of its own
        return Ending(Status.COMPLETED) if ended else UNKNOWN

    def leave_as_before(self) -> None:
        """Let Python end the process as it would have without us. To be called by the last of our handlers.

        After an interrupt it dies of SIGINT, unless some text was compiled and run meanwhile, as
        many a module does that is imported: then it forgets, and exits with 1. Here it is told again.
        """
        interrupted = self._frame is not None and isinstance(self._uncaught(self._frame), KeyboardInterrupt)
        if interrupted and self._outermost:
            with contextlib.suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt")  # noqa: S102 - a text of ours

    def _uncaught(self, script: FrameType) -> BaseException | None:
        """What has left the script, as far as anybody knows."""
        if _returned(script):
            return None
        if self._left is not None:
            return self._left
        if _passes(getattr(sys, "last_traceback", None), script):
            return getattr(sys, "last_value", None)
        if self._exits is None:
            return None
        asked, code = self._exits
        place, operation = _place(script)
        # One that was caught says nothing of a later end; behind a `finally` it is raised again.
        return SystemExit(code) if place == asked or operation == _RERAISE else None

    def _monitor(self, script: CodeType) -> bool:
        """Hear what leaves the script, from Python 3.12 on; False where that cannot be had."""
        if sys.version_info >= (3, 12):

            def left(code: CodeType, offset: int, error: BaseException) -> None:
                del offset
                if code is script:
                    self._left = error

            monitoring = sys.monitoring
            for tool in (4, 3):  # those that are meant for nobody in particular
                if monitoring.get_tool(tool) is None:
                    monitoring.use_tool_id(tool, "elsewhere")
                    monitoring.register_callback(tool, monitoring.events.PY_UNWIND, left)
                    monitoring.set_events(tool, monitoring.events.PY_UNWIND)
                    return True
        return False

    def _wrap_exit(self) -> None:
        """Hear what ``sys.exit``, ``exit`` and ``quit`` are called with."""
        exit_before: Any = sys.exit

        @functools.wraps(exit_before)
        def exit_(status: object = None, /) -> None:
            self._note(status)
            exit_before(status)

        sys.exit = exit_  # type: ignore[assignment]
        quitter: Any = type(getattr(builtins, "exit", None))
        if quitter.__module__ != "_sitebuiltins":
            return
        call_before = quitter.__call__

        @functools.wraps(call_before)
        def call(itself: object, code: object = None) -> None:
            self._note(code)
            call_before(itself, code)

        quitter.__call__ = call

    def _note(self, code: object) -> None:
        # In another thread it ends that thread only.
        if self._frame is not None and threading.current_thread() is threading.main_thread():
            self._exits = (_place(self._frame)[0], code)


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


def _script_frame() -> FrameType | None:
    """The frame of the script itself; where there is none, the outermost one of the main thread."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    main = getattr(sys.modules.get("__main__"), "__dict__", None)
    script = None
    outermost = frame
    while frame is not None:
        if frame.f_globals is main and frame.f_code.co_name == "<module>":
            script = frame
        outermost = frame
        frame = frame.f_back
    return script or outermost


def _passes(trace: TracebackType | None, frame: FrameType | None) -> bool:
    while trace is not None:
        if trace.tb_frame is frame:
            return True
        trace = trace.tb_next
    return False


def _returned(frame: FrameType) -> bool:
    return _place(frame)[1] in _RETURNS


def _place(frame: FrameType) -> tuple[int, int]:
    """Where a frame stands, or stood last: offset and operation."""
    operations = frame.f_code.co_code
    at = frame.f_lasti
    while at > 0 and operations[at] in _FILLS:
        at -= 2
    return at, operations[at]
