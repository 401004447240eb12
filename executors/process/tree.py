"""The processes of one launch: found whatever they did to get away, and ended.

A process belongs to the launch if it is the leader (the command itself), is in the
leader's session, carries the launch's mark, was seen to belong before, or descends from
one that does. Children, double-forked daemons and those that called ``setsid`` are all
found. What is not: a process that cleared its environment, left the session and lost its
parent before anybody looked; and one that runs as another user (``sudo``) is not ours to
end, and is left alone. Ids are never trusted alone: psutil compares start times, and
the id of the leader stays taken (it is reaped last), so its session and group are its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import psutil

from executors.process.cgroup import sweep
from executors.process.deadline import Deadline
from executors.process.ends import await_ends
from executors.process.mark import carries
from executors.process.population import Population, Strangers

_FREEZE_ROUNDS: Final = 20
_EMPTY_LOOKS: Final = 2
"""In a row, before a tree counts as ended: a process that forks and ends can slip through one."""
_LOOK_AGAIN_SECONDS: Final = 1.0
_SAME_START_SECONDS: Final = 1.0
"""psutil derives a start time from the time of boot, which clock corrections move a little."""


class Tree:
    """The processes of one launch.

    Args:
        leader: the command itself; None when it is gone for certain.
        mark: the launch's mark, if it has one.
        population: where to look for them.
    """

    def __init__(
        self,
        leader: psutil.Process | None,
        mark: str | None,
        population: Population,
    ) -> None:
        self._leader = leader
        self._mark = mark
        self._population = population
        self._seen: set[psutil.Process] = set()

    def living(self) -> list[psutil.Process]:
        """Processes of the launch that have not ended; orphans of it that have are reaped."""
        members = self._members()
        self._seen.update(members)
        living = []
        for process in members:
            with suppress(psutil.NoSuchProcess):
                if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                    if _may_signal(process):
                        living.append(process)
                elif process != self._leader and process.ppid() == os.getpid():
                    _reap(process.pid)
        return living

    def end(self, deadline: Deadline) -> None:
        """Ask every process to end, wait until ``deadline``, then kill until none is left.

        Returns only when none is left: a process that the kernel cannot end (it waits for a
        broken disk or device) holds this up, as it holds what it uses.
        """
        asked: set[psutil.Process] = set()
        empty_looks = 0
        while empty_looks < _EMPTY_LOOKS:
            living = self.living()
            if not living:
                empty_looks = empty_looks + 1 if self._population.unmoved() else 0
                continue
            empty_looks = 0
            if deadline.left() > 0:
                new = [process for process in living if process not in asked]
                # A stopped process would not hear that it should end.
                _signal(new, signal.SIGTERM, signal.SIGCONT)
                asked.update(new)
                await_ends(living, deadline)
            else:
                _signal(self._freeze(living), signal.SIGKILL)
                await_ends(living, Deadline(_LOOK_AGAIN_SECONDS))

    def _freeze(self, living: list[psutil.Process]) -> list[psutil.Process]:
        """Stop all, so that none forks while the others are killed; return them."""
        frozen: set[psutil.Process] = set()
        for _ in range(_FREEZE_ROUNDS):
            new = [process for process in living if process not in frozen]
            if not new:
                break
            _signal(new, signal.SIGSTOP)
            frozen.update(new)
            living = self.living()
        return list(frozen)

    def _members(self) -> list[psutil.Process]:
        children: dict[int, list[psutil.Process]] = {}
        members: dict[int, psutil.Process] = {}
        for process in self._population.look():
            with suppress(psutil.Error):
                children.setdefault(process.ppid(), []).append(process)
                if self._is_root(process):
                    members[process.pid] = process
        queue = list(members)
        while queue:
            for child in children.get(queue.pop(), ()):
                if child.pid not in members:
                    members[child.pid] = child
                    queue.append(child.pid)
        return list(members.values())

    def _is_root(self, process: psutil.Process) -> bool:
        if process in self._seen:
            return True
        if self._leader is not None and _session(process.pid) == self._leader.pid:
            return True
        return self._mark is not None and carries(process, self._mark)


def end_tree(pid: int, create_time: float, grace: float, token: str | None) -> None:
    """End what is left of a launch whose supervisor is dead.

    For a daemon that starts and finds the state of an attempt that nobody owns. Safe to
    repeat, and to call when nothing is left. The launch's cgroups go too, as those of any
    other launch that was left behind.

    Args:
        pid: id of the command that was launched.
        create_time: its start, as psutil gives it (seconds since the epoch).
        grace: seconds between SIGTERM and SIGKILL.
        token: what ``mark_of`` said of the launch's environment. With it, processes are found
            even if the command itself is long gone; without it, only what the command still leads.
    """
    leader: psutil.Process | None = None
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(pid)
        if abs(found.create_time() - create_time) <= _SAME_START_SECONDS:
            leader = found
    if leader is not None or token is not None:
        Tree(leader, token, Strangers()).end(Deadline(grace))
    sweep()


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _signal(processes: Iterable[psutil.Process], *numbers: int) -> None:
    """Signal the groups that the processes are in.

    A group gets a signal in one stroke, so nobody in it can fork meanwhile; and a group holds
    processes of one session only, hence none but the launch's.
    """
    groups = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if process.is_running():
                groups.add(os.getpgid(process.pid))
    for group in groups - {os.getpgrp()}:
        for number in numbers:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)


def _may_signal(process: psutil.Process) -> bool:
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
