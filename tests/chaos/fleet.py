"""The agents of a run, each as a service manager would keep it, on a line and a box of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from chaos.schedule import Fault
from faults.proxy import FaultProxy
from faults.server import OwnServer
from flow.world import AGENT, World, eventually

from agent.state import attempt_states

MARK = "XDG_CHAOS"
"""Environment variable that all processes of a box have: agents hand XDG_* on to their scripts."""
RESTART_SECONDS = 1.0


class KeptAgent:
    """One agent: its daemon is started again whenever it has ended, unless it is to be down."""

    def __init__(self, world: World, name: str, options: tuple[str, ...]) -> None:
        self._world = world
        self._options = options
        self.name = name
        self.mark = f"{name}-{os.getpid()}-{time.monotonic_ns()}"
        self.folder: Path = world.home / "state" / "agents" / name
        self.log: Path = world.folder / f"{name}.log"
        self.starts = 0
        self.down = False
        self._frozen: list[psutil.Process] = []
        self._start()

    def tend(self) -> None:
        """Start the daemon if it has ended, though not all the time: it ends where no server answers."""
        if (
            self.process.poll() is not None
            and not self.down
            and time.monotonic() > self._started + RESTART_SECONDS
        ):
            self._start()

    def _start(self) -> None:
        self.starts += 1
        self._started = time.monotonic()
        with self.log.open("ab") as log:
            self._begins_at = log.tell()
            self.process = subprocess.Popen(
                [str(AGENT), "daemon", "--queue", "default", "--name", self.name, *self._options],
                env=self._world.environment | {MARK: self.mark},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def serving(self) -> bool:
        """Whether the daemon that was started last has begun to serve."""
        return b"serving" in self.log.read_bytes()[self._begins_at :]

    # --- whom a fault hits ---------------------------------------------------------

    def daemon(self) -> list[psutil.Process]:
        """The daemon, if it lives."""
        return _living([self.process.pid]) if self.process.poll() is None else []

    def fork_server(self) -> list[psutil.Process]:
        """The daemon's fork server, if it has one now."""
        # It alone is the daemon's child for long.
        return [child for daemon in self.daemon() for child in _children(daemon)][:1]

    def supervisor(self, pick: float) -> list[psutil.Process]:
        """One of its supervisors, if it has any."""
        marks = [state.read_mark() for state in attempt_states(self.folder)]
        pids = sorted(mark.supervisor.pid for mark in marks if mark is not None and mark.supervisor.alive)
        return _living([pids[int(pick * len(pids))]] if pids else [])

    def everything(self) -> list[psutil.Process]:
        """All processes of the box, those that lost their mark on the way included."""
        found = dict.fromkeys(marked(self.mark))
        for process in list(found):
            found.update(dict.fromkeys(_children(process, deep=True)))
        return list(found)

    # --- faults --------------------------------------------------------------------

    def kill(self, processes: Iterable[psutil.Process]) -> int:
        """kill -9; how many there were."""
        return _signal(processes, signal.SIGKILL)

    def freeze(self, processes: Iterable[psutil.Process]) -> int:
        """SIGSTOP, until ``thaw``; how many there were."""
        self._frozen += processes
        return _signal(self._frozen, signal.SIGSTOP)

    def freeze_box(self) -> int:
        """SIGSTOP to all processes of the box; how many there were."""
        seen: set[psutil.Process] = set()
        # Some are born while others are being frozen.
        while new := set(self.everything()) - seen:
            self.freeze(new)
            seen |= new
        return len(seen)

    def kill_box(self) -> int:
        """All processes of the box are gone at one moment, as when its power fails; how many there were."""
        self.down = True
        count = self.freeze_box()
        self.kill(self._frozen)
        self._frozen.clear()
        return count

    def thaw(self) -> None:
        """Let all go on that is frozen."""
        _signal(self._frozen, signal.SIGCONT)
        self._frozen.clear()

    def heal(self) -> None:
        """End whatever fault there is."""
        self.down = False
        self.thaw()
        self.tend()


class Fleet:
    """A server that can be killed, a desk, and agents at the ends of lines that can be cut.

    Args:
        world: makes a world around a URL.
        options: what each daemon is told.
    """

    def __init__(
        self, server: OwnServer, world: Callable[[str], World], *, agents: int, options: tuple[str, ...]
    ) -> None:
        self.server = server
        self.hits: Counter[str] = Counter()
        """How many faults of each kind have hit something."""
        self.lines = {f"line {place}": FaultProxy(server.socket) for place in [*range(agents), "desk"]}
        self.agents = {
            f"agent {number}": KeptAgent(
                world(self.lines[f"line {number}"].url()), f"chaos-{number}", options
            )
            for number in range(agents)
        }

    def play(self, faults: Iterable[Fault]) -> None:
        """Let everything go wrong as planned, from now on; returns when the last of it was healed."""
        began = time.monotonic()
        steps = [(fault.at, 0, fault) for fault in faults]
        steps += [(fault.at + fault.seconds, 1, fault) for fault in faults]
        for at, ends, fault in sorted(steps, key=lambda step: step[:2]):
            self.tend_until(began + at)
            if ends:
                self._heal(fault)
            else:
                self.hits[fault.kind] += bool(self._begin(fault))

    def tend_until(self, moment: float) -> None:
        """Keep the agents running until that moment of the monotonic clock; once at least."""
        while True:
            for agent in self.agents.values():
                agent.tend()
            left = moment - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.1))

    def heal(self) -> None:
        """End all faults there are."""
        for line in self.lines.values():
            line.restore()
        self._heal_server()
        for agent in self.agents.values():
            agent.heal()

    def drain(self, timeout: float) -> dict[str, int | None]:
        """Ask all daemons to end, and wait; how each exited, None for those that did not."""
        exits: dict[str, int | None] = {}
        for agent in self.agents.values():
            # Before that, Python itself is starting, and ends by the signal.
            eventually(lambda: agent.tend() or agent.serving(), 60, f"{agent.name} to serve")  # noqa: B023
            agent.down = True
            agent.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout
        for agent in self.agents.values():
            try:
                exits[agent.name] = agent.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                exits[agent.name] = None
        return exits

    def close(self) -> None:
        """Nothing of the run is left."""
        for agent in self.agents.values():
            agent.kill_box()
            agent.process.wait(10)
        for line in self.lines.values():
            line.close()
        self._heal_server()

    # --- one fault -----------------------------------------------------------------

    def _begin(self, fault: Fault) -> int:
        """Begin the fault; how many it has hit."""
        if fault.place in self.lines:
            return self._begin_at_line(fault, self.lines[fault.place])
        if fault.place in self.agents:
            return self._begin_at_agent(fault, self.agents[fault.place])
        if fault.kind == "server killed":
            self.server.kill()
        else:
            assert self.server.process is not None
            self.server.process.send_signal(signal.SIGSTOP)
        return 1

    def _begin_at_agent(self, fault: Fault, agent: KeptAgent) -> int:
        match fault.kind:
            case "daemon killed":
                agent.down = True
                return agent.kill(agent.daemon())
            case "supervisor killed":
                return agent.kill(agent.supervisor(fault.pick))
            case "fork server killed":
                return agent.kill(agent.fork_server())
            case "box killed":
                return agent.kill_box()
            case "daemon frozen":
                return agent.freeze(agent.daemon())
            case "supervisor frozen":
                return agent.freeze(agent.supervisor(fault.pick))
            case "box frozen":
                return agent.freeze_box()
            case _:
                raise AssertionError(fault.kind)

    def _begin_at_line(self, fault: Fault, line: FaultProxy) -> int:
        standing = line.connections
        match fault.kind:
            case "cut":
                line.cut()
            case "black hole":
                line.black_hole()
            case "answers swallowed":
                line.swallow_answers()
            case "held":
                line.hold()
            case "slow":
                line.delay(up=0.1 + 0.3 * fault.pick, down=0.2)
            case _:
                raise AssertionError(fault.kind)
        return standing

    def _heal(self, fault: Fault) -> None:
        if fault.place in self.lines:
            self.lines[fault.place].restore()
        elif fault.place in self.agents:
            self.agents[fault.place].heal()
        else:
            self._heal_server()

    def _heal_server(self) -> None:
        assert self.server.process is not None
        if self.server.process.poll() is not None:
            self.server.start()
        self.server.process.send_signal(signal.SIGCONT)


def marked(mark: str) -> list[psutil.Process]:
    """All processes that have ``mark`` in their environment and have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def naming(words: set[str]) -> list[psutil.Process]:
    """All processes with one of ``words`` as an argument, also after an ``=``, that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            arguments = {argument.rpartition("=")[2] for argument in process.cmdline()}
            if arguments & words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _living(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def _children(process: psutil.Process, *, deep: bool = False) -> list[psutil.Process]:
    try:
        return process.children(recursive=deep)
    except psutil.Error:
        return []


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> int:
    count = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
            count += 1
    return count
