"""One launched command, and the tree of processes below it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass

import psutil

from executors.contract import Exit
from executors.process.cgroup import Hold
from executors.process.deadline import Deadline
from executors.process.deadman import Deadman
from executors.process.ends import await_readable, open_end
from executors.process.evidence import Evidence
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
        hold: its cgroups, if it has limits; owned from now on.
        evidence: what can tell whether want of memory ended it; owned from now on.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        output: int,
        mark: str | None,
        *,
        adopted: bool,
        hold: Hold | None,
        evidence: Evidence | None,
    ) -> None:
        self._process = process
        self._output = output
        self._mark = mark
        self._leader = psutil.Process(process.pid)
        self._hold = hold
        self._evidence = evidence
        self._deadman = Deadman.watch(process.pid, mark, [] if hold is None else hold.folders)
        known = set() if self._deadman is None else {self._deadman.pid}
        self._tree = Tree(self._leader, mark, Descendants(known) if adopted else Strangers())
        self._end = open_end(process.pid)
        self._exit: Exit | None = None
        self._over = False
        self._reaping = threading.Lock()
        self._ending = threading.Lock()
        self._hurrying = threading.Lock()
        self._deadline: Deadline | None = None
        descriptors = [output] if self._end is None else [output, self._end]
        left = _Left(os.getpid(), process, descriptors, self._deadman, hold, evidence)
        weakref.finalize(self, left.abandon)

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
    def notes(self) -> tuple[str, ...]:
        """What of the limits is not enforced, and why."""
        return () if self._hold is None else tuple(self._hold.notes)

    @property
    def output(self) -> int:
        """File descriptor of stdout and stderr; it lives as long as this object."""
        return self._output

    @property
    def bequest(self) -> tuple[int, ...]:
        """The output, and what the deadman's switch listens to."""
        held = None if self._deadman is None else self._deadman.held
        return (self._output,) if held is None else (self._output, held)

    def interrupt(self) -> None:
        """Ask the command to end: SIGTERM to its process group."""
        with self._reaping:
            if self._process.returncode is not None:
                return
            for number in (signal.SIGTERM, signal.SIGCONT):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)

    def terminate(self, grace: float) -> None:
        """End the whole tree: ask, wait up to ``grace`` seconds, then kill what is left.

        Meanwhile another thread may ask again with a shorter grace. Not for a signal
        handler, which would wait for the thread that it interrupts.
        """
        self.wait(0)  # an end that came before is not of our making
        with self._hurrying:
            if self._deadline is None:
                self._deadline = Deadline(grace)
            else:
                self._deadline.shorten(grace)
        with self._ending:
            if self._over:
                return
            self._tree.end(self._deadline)
            with self._reaping:
                self._process.wait()
            if self._hold is not None:
                self._hold.clear()
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
                self._exit = self._judged(self._process.wait())
            elif ended.si_code == os.CLD_EXITED:
                self._exit = self._judged(ended.si_status)
            else:
                self._exit = self._judged(-ended.si_status)

    def _judged(self, code: int) -> Exit:
        if self._evidence is None or self._deadline is not None:  # an end of our own making
            return Exit(code)
        return Exit(code, oom_killed=self._evidence.convicts(self.pid, code))

    def _wait_and_reap(self, timeout: float | None) -> None:
        # For kernels without pidfd: the command's id may be given again once this returns.
        with suppress(subprocess.TimeoutExpired):
            self._exit = self._judged(self._process.wait(timeout))


@dataclass(frozen=True)
class _Left:
    """What is there to let go of when nobody refers to a launch any more."""

    owner: int
    process: subprocess.Popen[bytes]
    descriptors: list[int]
    deadman: Deadman | None
    hold: Hold | None
    evidence: Evidence | None

    def abandon(self) -> None:
        """Close what is open; the deadman's switch ends the tree if the command still runs."""
        if os.getpid() != self.owner:  # in a fork: the launch belongs to the process that made it
            return
        for descriptor in self.descriptors:
            os.close(descriptor)
        if self.evidence is not None:
            self.evidence.close()
        ended = self.process.poll() is not None
        if self.hold is not None:
            if ended:
                self.hold.clear()
            else:
                self.hold.leave()
        if self.deadman is not None:
            if ended:
                self.deadman.dismiss()
            else:
                self.deadman.fire()
