"""One launched command, and the tree of processes below it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import weakref
from contextlib import suppress

import psutil

from executors.contract import Exit
from executors.process.deadman import Deadman
from executors.process.ends import await_readable, open_end
from executors.process.population import Descendants, Strangers
from executors.process.tree import Tree


class ProcessRunning:
    """A command that runs as a child of the calling process.

    The command stays unreaped after its end until ``terminate`` has cleared its tree: as long
    as its id is taken, nobody else can have its group or session, and signals sent to those
    reach nobody else. Dropping the last reference closes ``output``, and ends the tree if the
    command still runs.

    Args:
        process: the command: leader of a new session, not waited for yet.
        output: read end of its stdout and stderr; owned from now on.
        mark: what its processes carry in their environment, if anything.
        adopted: whether the calling process is the subreaper of the tree.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], output: int, mark: str | None, *, adopted: bool
    ) -> None:
        self._process = process
        self._output = output
        self._mark = mark
        self._leader = psutil.Process(process.pid)
        self._deadman = Deadman.watch(process.pid, mark)
        known = set() if self._deadman is None else {self._deadman.pid}
        self._tree = Tree(self._leader, mark, Descendants(known) if adopted else Strangers())
        self._end = open_end(process.pid)
        self._exit: Exit | None = None
        self._over = False
        self._reaping = threading.Lock()
        self._ending = threading.Lock()
        descriptors = [output] if self._end is None else [output, self._end]
        weakref.finalize(self, _abandon, os.getpid(), process, descriptors, self._deadman)

    @property
    def pid(self) -> int:
        """Process id of the command; also of its process group and session."""
        return self._process.pid

    @property
    def create_time(self) -> float:
        """Start of the command as psutil gives it, in seconds since the epoch: for ``end_tree``."""
        return self._leader.create_time()

    @property
    def mark(self) -> str | None:
        """The launch's mark: for ``end_tree``."""
        return self._mark

    @property
    def output(self) -> int:
        """File descriptor of stdout and stderr; it lives as long as this object."""
        return self._output

    def interrupt(self) -> None:
        """Ask the command to end: SIGTERM to its process group."""
        with self._reaping:
            if self._process.returncode is not None:
                return
            for number in (signal.SIGTERM, signal.SIGCONT):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)

    def terminate(self, grace: float) -> None:
        """End the whole tree: ask, wait up to ``grace`` seconds, then kill what is left."""
        with self._ending:
            if self._over:
                return
            self._tree.end(grace)
            with self._reaping:
                self._process.wait()
            if self._deadman is not None:
                self._deadman.dismiss()
            self._over = True

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the command itself to end; None when ``timeout`` seconds passed before."""
        if self._exit is None:
            if self._end is None:
                self._wait_and_reap(timeout)
            elif await_readable(self._end, timeout):
                self._note_exit()
        return self._exit

    def _note_exit(self) -> None:
        with self._reaping:
            if self._exit is not None:
                return
            try:
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:  # somebody in this process waits for any child
                ended = None
            if ended is None:
                self._exit = Exit(self._process.wait())
            elif ended.si_code == os.CLD_EXITED:
                self._exit = Exit(ended.si_status)
            else:
                self._exit = Exit(-ended.si_status)

    def _wait_and_reap(self, timeout: float | None) -> None:
        # For kernels without pidfd: the command's id may be given again once this returns.
        with suppress(subprocess.TimeoutExpired):
            self._exit = Exit(self._process.wait(timeout))


def _abandon(
    owner: int, process: subprocess.Popen[bytes], descriptors: list[int], deadman: Deadman | None
) -> None:
    """Let go of a launch that nobody refers to any more."""
    if os.getpid() != owner:  # in a fork: the launch belongs to the process that made it
        return
    for descriptor in descriptors:
        os.close(descriptor)
    ended = process.poll() is not None
    if deadman is None:
        return
    if ended:
        deadman.dismiss()
    else:
        deadman.fire()
