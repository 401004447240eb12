"""The script of this process, watched from its first task on: which exception leaves it, if one does.

What can be seen, and how, is in ``docs/decisions/exit-status.md``. The script waits for what is
imported here; what is made of it at the end is in ``elsewhere.desk.script_end``.
"""

from __future__ import annotations

import builtins
import functools
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any


class Script:
    """Watches the script of this process, from now on."""

    def __init__(self) -> None:
        self.frame = _script_frame()
        """Of its top level; None where a host of another language has none. It tells, also when it
        has ended, at which operation it did.
        """
        self.outermost = self.frame is not None and self.frame.f_back is None
        """Whether Python itself runs it, and not `runpy` or another program."""
        self.left: BaseException | None = None
        """What has left it; None where nothing did, or nobody can see that."""
        self.exited: tuple[int, object] | None = None
        """Where it stood when the last exit was called for, and with which code; None where that is not
        what is watched.
        """
        if self.frame is not None and not self._monitor(self.frame.f_code):
            self._wrap_exit()

    def _monitor(self, script: CodeType) -> bool:
        """Hear what leaves the script, from Python 3.12 on; False where that cannot be had."""
        if sys.version_info >= (3, 12):

            def left(code: CodeType, offset: int, error: BaseException) -> None:
                del offset
                if code is script:
                    self.left = error

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
        if self.frame is not None and threading.current_thread() is threading.main_thread():
            self.exited = (self.frame.f_lasti, code)


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
