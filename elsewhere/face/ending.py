"""What a script does about its own end."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Ending(Face):
    """How a run hears that it is to end."""

    def register_abort_callback(self, fn: Callable[[], object] | None, timeout: float = 30.0) -> None:
        """Have ``fn`` called when somebody stops the task, before the process dies of it.

        Somebody does so by `agent stop`, by SIGTERM, or by the time limit of the task; Ctrl-C raises
        KeyboardInterrupt as ever, and calls nothing. ``fn`` is called without arguments in a daemon thread
        of its own, while the script goes on: it may save a checkpoint itself, or set what the script's
        loop looks at, and wait for it. When it has returned, or ``timeout`` is over, the task is
        ended as ``stopped`` and the process dies of SIGTERM. In an attempt it has the grace that the
        agent gives at most, after which everything is killed.

        A handler that the script itself has set for SIGTERM is called afterwards, and then says alone what
        becomes of the process. One that is set later replaces this.

        Args:
            fn: What to call; it takes the place of the one before. None calls nothing any more.
            timeout: Seconds that it may take.

        Raises:
            UsageError: the task does not run in this process, or has ended there; ``fn`` is no function,
                the timeout is not above 0; or this is not the main thread, which alone can begin to
                hear signals.
        """
        from elsewhere import abort
        from elsewhere.desk.opened import all_opened

        if not self._place.live:
            raise misuse(
                f"task {self._place.id} does not run in this process, which cannot hear of its stop",
                "Register the callback in the script that the task runs.",
            )
        if fn is None:
            abort.call_back(self._place, None)
            return
        if not callable(fn):
            raise misuse(f"an abort callback must be a function, not {fn!r:.80}", "Give it without brackets.")
        if not self._place.given and self._place not in all_opened():
            raise misuse(
                f"task {self._place.id} has ended here: nobody stops it any more",
                "Register the callback while the task runs.",
            )
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise misuse(f"an abort callback cannot return within {timeout!r} s", "Give it seconds above 0.")
        if not abort.listen(before_others=True) and abort.can_listen():
            raise misuse(
                "an abort callback can only be registered in the main thread",
                "Register it there, before threads are started.",
            )
        abort.call_back(self._place, fn, timeout)
