"""The parent of a supervisor: sees how the script ended when the supervisor cannot say so any more.

The kernel tells the end of a process to its parent alone. A supervisor that is killed after
its script has ended, and before it has kept the outcome, would take the exit code with it,
and the task would run twice. So each supervisor has a parent that does nothing but wait. As
the next subreaper above, it inherits the script, ended or not, and with it whatever the
output pipe still holds. Why a process for this: docs/decisions/witness.md.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.state import ProcessMark
from executors.contract import Exit
from executors.process.subreaper import become_subreaper

_FORWARDED: Final = (signal.SIGTERM, signal.SIGINT)
_MOST_DESCRIPTORS: Final = 8


@dataclass(frozen=True)
class Testimony:
    """What the witness of a supervisor's sudden death has in its hands.

    ``descriptors`` are what the supervisor has handed on: the output pipe of its launch
    first; closing the rest lets the launch's own switch end what still runs.
    """

    descriptors: tuple[int, ...]

    def exit_of(self, command: ProcessMark | None) -> Exit | None:
        """How the command had ended when its supervisor died; None where it had not.

        One that was ended by SIGKILL says nothing: whoever killed its supervisor (the kernel for
        want of memory, an administrator) has most likely killed it, too.
        """
        if command is None:
            return None
        try:
            ended = os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # the supervisor had reaped it, having kept its outcome
            return None
        if ended is None or (ended.si_code != os.CLD_EXITED and ended.si_status == signal.SIGKILL):
            return None
        return Exit(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)

    def let_go(self) -> None:
        """Hold back the launch's own switch no longer. Safe to repeat."""
        for descriptor in self.descriptors[1:]:
            with contextlib.suppress(OSError):
                os.close(descriptor)


UNWITNESSED: Final = Testimony(())
"""Of a supervisor that died before anybody looked: nothing is known but what it has kept on disk."""


class Bequest:
    """The supervisor's end: hands on what its witness shall have when it dies."""

    def __init__(self, to_witness: socket.socket) -> None:
        self._to_witness = to_witness

    def hand_on(self, descriptors: Sequence[int]) -> None:
        """Give the witness copies of these; where that fails it has none, as before a launch."""
        if descriptors:
            with contextlib.suppress(OSError):
                socket.send_fds(self._to_witness, [b"."], list(descriptors)[:_MOST_DESCRIPTORS])


def witnessed(supervise: Callable[[Bequest], int], succeed: Callable[[Testimony], int]) -> int:
    """Run ``supervise`` in a child process; its exit code.

    Where the child dies by a signal, ``succeed`` goes on in this process instead. SIGTERM and
    SIGINT are passed on to the child while it lives, and are ignored afterwards. To be called
    in a process without threads.
    """
    become_subreaper()
    from_supervisor, to_witness = socket.socketpair()
    # Fetched by `sigwait` alone: a handler would run after a call that the signal did not interrupt,
    # where it comes just before that call.
    awaited = {*_FORWARDED, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    child = os.fork()
    if child == 0:
        from_supervisor.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
        _leave_with(lambda: supervise(Bequest(to_witness)))
    to_witness.close()
    status = _listen(child, awaited)
    for number in _FORWARDED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    return succeed(Testimony(_received(from_supervisor)))


def _listen(child: int, awaited: set[signal.Signals]) -> int:
    """Pass on what is heard until the child has ended; its wait status."""
    while True:
        heard = signal.sigwait(awaited)
        if heard != signal.SIGCHLD:
            # It has not been waited for: the number is its own still.
            os.kill(child, heard)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def _leave_with(work: Callable[[], int]) -> None:
    """End this process with what ``work`` returns; never come back into the witness's code."""
    code = 1
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - the last place where anybody can be told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _received(from_supervisor: socket.socket) -> tuple[int, ...]:
    from_supervisor.setblocking(False)
    try:
        _, descriptors, _, _ = socket.recv_fds(from_supervisor, 1, _MOST_DESCRIPTORS)
    except OSError:
        return ()
    return tuple(descriptors)
