"""The daemon: claims tasks into free slots, and starts a detached supervisor for each.

It is safe to kill at any instant. What it knows of attempts is on disk and in the store;
a daemon that starts finds the supervisors that live on, counts their slots, and takes care
of those that died.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time
import uuid
from typing import Any, NoReturn

from agent import janitor
from agent import machine as owner
from agent.config import AttemptConfig, DaemonConfig
from agent.ear import Ear
from agent.fork_server import ForkServer, ForkServerDied
from agent.lock import is_locked
from agent.log import daemon_log
from agent.machine import MachineConfig
from agent.place import Place
from agent.presence import Presence
from agent.slots import Slots, open_slots
from agent.state import AttemptMark, AttemptState, ProcessMark, attempt_states
from agent.watch import Watch
from elsewhere.connect import server_url
from elsewhere.contract.errors import ConfigurationError, ServerUnfit, ServerUnreachable
from elsewhere.contract.lease import Claim, Reserve
from elsewhere.settings import Folders

RETRY_SECONDS = 1.0
RECONCILE_SECONDS = 30.0
BEGINNING_SECONDS = 30.0
"""A supervisor has written its mark long before."""
STARTING_SECONDS = 2.0
"""A supervisor that was asked for holds its state folder by then; it may need longer to write its mark."""

_HEARD = (signal.SIGTERM, signal.SIGINT)


def run(config: DaemonConfig) -> int:
    """Serve the queues until told to end; the exit code.

    Raises:
        ServerUnreachable: no server answers at the start. Later outages are waited out.
        ConfigurationError: an agent of that name runs on this machine, a GPU is not there, or a setting
            is wrong.
        EngineUnavailable: tasks are to run in containers, and no engine answers.
    """
    folders = config.settings.folders
    machine = owner.configured(
        folders,
        packages_origin=config.packages_origin,
        docker_image=config.docker_image,
        docker_arguments=config.docker_arguments,
    )
    if config.docker and not machine.containers:
        raise ConfigurationError(
            "--docker without an image: nothing says which one tasks shall run in",
            "Give one (`--docker IMAGE`), or set image under [docker] in the settings.",
        )
    presence = Presence(folders.agents, config.name)
    url = server_url(config.settings)
    # A signal that comes before the loop can follow it waits for the loop.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    try:
        # Before there is any thread or connection in this process.
        fork_server = ForkServer(_template(config, folders, url, machine))
        if machine.containers:
            _require_engine(machine)
        # After it: what the library of a GPU's driver opens is not for a forked child.
        return Daemon(config, presence, open_slots(config), url, fork_server).run()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)


def _require_engine(machine: MachineConfig) -> None:
    """Tell now, and not each task, that there is no engine."""
    from executors.docker import Engine

    engine = Engine(machine.image.engine or None)
    try:
        engine.check()
    finally:
        engine.close()


def _template(config: DaemonConfig, folders: Folders, url: str, machine: MachineConfig) -> AttemptConfig:
    return AttemptConfig(
        redis_url=url,
        folders=folders,
        state=folders.agents,
        heartbeat_seconds=config.heartbeat_seconds,
        lease_seconds=config.lease_seconds,
        stop_grace_seconds=config.stop_grace_seconds,
        on_partition=config.on_partition,
        log_cap=config.settings.log_cap,
        machine=machine,
    )


class Daemon:
    """One loop, one thread, that waits for whatever comes first."""

    def __init__(
        self, config: DaemonConfig, presence: Presence, slots: Slots, url: str, fork_server: ForkServer
    ) -> None:
        import queueing
        from elsewhere._version import __version__
        from elsewhere.store.redis.connection import connect

        self._config = config
        self._presence = presence
        self._slots = slots
        self._fork_server = fork_server
        self._log = daemon_log(presence.name, as_json=config.json_log)
        self._queueing = queueing
        self._connection = connect(url)
        self._registration = queueing.Registration(
            self._connection,
            presence.name,
            config.queues,
            slots=len(slots),
            gpus=slots.gpus,
            tags=config.tags,
            version=__version__,
        )
        self._bell = queueing.Bell(connect(url), presence.name, config.queues)
        self._ear = Ear(self._bell.wait)
        self._watch = Watch(self._ear.ring)
        self._supervisors: dict[str, ProcessMark] = {}
        self._salvaged: set[str] = set()
        self._beginning: dict[str, float] = {}
        self._shunned: frozenset[str] = frozenset()
        self._signals = 0
        self._signals_followed = 0
        self._draining = False
        self._queues = list(config.queues)
        # Kept until a claim was answered: asked again, a claim whose answer was lost is given again.
        self._token = uuid.uuid4().hex
        self._beat_at = 0.0
        self._reconcile_at = 0.0
        self._janitor = janitor.configured(config.settings.folders)
        self._sweep_at = 0.0
        self._due_at = math.inf
        self._retry_at = 0.0
        self._idle_since = time.monotonic()
        self._reachable = True

    def run(self) -> int:
        """Serve until drained; 0."""
        self._registration.announce()
        self._find_attempts()
        for number in _HEARD:
            signal.signal(number, self._hear_signal)
        self._ear.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        self._log.info(
            "serving",
            queues=list(self._config.queues),
            slots=len(self._slots),
            gpus=self._slots.gpus,
            pid=os.getpid(),
        )
        while not self._finished():
            self._follow_signals()
            self._empty_slots()
            self._talk_to_server()
            self._sweep()
            self._wait()
        return self._leave()

    # --- what the loop does ----------------------------------------------------------

    def _talk_to_server(self) -> None:
        """Claim and beat; an outage is told once and waited out."""
        if time.monotonic() < self._retry_at:
            return
        try:
            self._beat()
            self._claim()
        except (ServerUnreachable, ServerUnfit) as error:
            if self._reachable:
                self._log.warning("no server: waiting", reason=error.what)
            self._reachable = False
            self._retry_at = time.monotonic() + RETRY_SECONDS
        else:
            if not self._reachable:
                self._log.info("the server is back")
            self._reachable = True

    def _beat(self) -> None:
        now = time.monotonic()
        # Each time, since what woke us may be a task whose time is to come.
        due = self._queueing.promote(self._connection)
        self._due_at = math.inf if due is None else now + due
        if now < self._beat_at:
            return
        if (
            self._registration.beat(self._slots.busy, self._slots.gpus_free) == "draining"
            and not self._draining
        ):
            self._log.info("draining", running=self._slots.busy, asked="through the store")
            self._draining = True
        for reaped in self._queueing.reap(self._connection):
            self._log.warning(
                "reaped", task=reaped.task_id, attempt=reaped.attempt, of=reaped.agent, end=reaped.end
            )
        if now >= self._reconcile_at:
            for repair in self._queueing.reconcile(self._connection):
                self._log.warning("repaired", task=repair.task_id, what=repair.what)
            self._reconcile_at = now + RECONCILE_SECONDS
        self._beat_at = now + self._config.heartbeat_seconds

    def _sweep(self) -> None:
        """From time to time, a janitor goes round: a process of its own, for which nobody waits."""
        if time.monotonic() < self._sweep_at:
            return
        try:
            self._fork_server.start_sweep(self._janitor, self._presence.folder, as_json=self._config.json_log)
        except ForkServerDied:
            self._begin_again()
        self._sweep_at = time.monotonic() + self._janitor.janitor_seconds

    def _claim(self) -> None:
        """Take tasks for as long as there is one that fits into what is free."""
        self._tell_shunned()
        while not self._draining and not (offer := self._slots.offer).empty:
            reserve = Reserve(
                self._slots.capacity, self._config.reserve_after_seconds, across_queues=self._config.fair
            )
            claim = self._queueing.take(
                self._connection,
                self._presence.name,
                self._queues,
                offer,
                self._config.lease_seconds,
                token=self._token,
                reserve=reserve,
            )
            self._token = uuid.uuid4().hex
            if claim is None:
                return
            self._start(claim)
            if self._config.fair and claim.task.queue in self._queues:
                self._queues.remove(claim.task.queue)
                self._queues.append(claim.task.queue)

    def _start(self, claim: Claim) -> None:
        name = f"{claim.lease.task_id}-{claim.lease.attempt}"
        place = self._slots.place_for(claim.task.spec.needs)
        if place is None:
            # What was free for it when it was claimed, in an answer that was lost, is so no more.
            self._queueing.give_back(self._connection, claim.lease, "its place was gone")
            return
        state = AttemptState(self._presence.folder / "attempts" / name)
        state.write_place(place)
        handles = self._slots.handles(place)
        try:
            pid = self._fork_server.start_supervisor(claim, state.folder, handles)
        except ForkServerDied:
            self._queueing.give_back(self._connection, claim.lease, "the agent could not start a supervisor")
            state.remove()
            self._begin_again()
        self._log.info("took", task=claim.lease.task_id, attempt=claim.lease.attempt, supervisor=pid)
        self._slots.fill(name, place)
        self._watch_over(name, ProcessMark.of(pid))
        self._draining = self._draining or self._config.once

    def _tell_shunned(self) -> None:
        shunned = self._slots.shunned
        if shunned != self._shunned:
            self._log.warning("GPUs that others use, or that do not answer", gpus=sorted(shunned))
            self._shunned = shunned

    def _empty_slots(self) -> None:
        self._find_beginners()
        for name in self._watch.ended():
            self._supervisors.pop(name, None)
            state = AttemptState(self._presence.folder / "attempts" / name)
            if state.read_mark() is not None and name not in self._salvaged:
                self._log.warning("a supervisor died", attempt=name)
                self._salvage(state)
                continue
            self._slots.empty(name)
            self._tell_end(state)
            self._idle_since = time.monotonic()

    def _tell_end(self, state: AttemptState) -> None:
        word = state.word()
        if word is None:
            self._log.info("ended", attempt=state.name)
        else:
            self._log.warning("lost", attempt=state.name, reason=word)
            state.remove()

    def _wait(self) -> None:
        now = time.monotonic()
        until = [max(min(self._beat_at, self._due_at), self._retry_at)]
        if self._config.exit_when_idle is not None and self._slots.busy == 0:
            until.append(self._idle_since + self._config.exit_when_idle)
        if self._finished() or self._signals > self._signals_followed:
            return
        ear, fork_server = self._ear.fileno(), self._fork_server.fileno()
        readable, _, _ = select.select([ear, fork_server], [], [], max(0.0, min(until) - now))
        self._ear.clear()
        if fork_server in readable:
            self._begin_again()

    # --- attempts that were here before us -------------------------------------------

    def _find_attempts(self) -> None:
        """Count the slots of supervisors that live on, and take care of those that died."""
        for state in attempt_states(self._presence.folder):
            mark = state.read_mark()
            if mark is not None:
                self._slots.fill(state.name, state.read_place() or Place())
                self._find(state, mark)
            elif state.word() is not None:
                self._tell_end(state)
            elif state.age() > BEGINNING_SECONDS:
                # Claimed, but its supervisor never began: the lease runs out.
                state.remove()
            else:
                self._slots.fill(state.name, state.read_place() or Place())
                self._beginning[state.name] = time.monotonic() + STARTING_SECONDS

    def _find_beginners(self) -> None:
        """Attempts that nobody had a mark of, whose supervisors may have been about to write one."""
        for name, until in list(self._beginning.items()):
            state = AttemptState(self._presence.folder / "attempts" / name)
            mark = state.read_mark()
            if mark is None and (time.monotonic() < until or is_locked(state.hold)) and state.folder.exists():
                continue
            del self._beginning[name]
            if mark is not None:
                self._find(state, mark)
            else:
                # It has ended meanwhile; or nobody ever began, and the lease runs out. Who begins even
                # later, having been stopped for so long, makes the folder anew.
                self._slots.empty(name)
                if state.word() is None:
                    state.remove()
                else:
                    self._tell_end(state)
                self._idle_since = time.monotonic()

    def _find(self, state: AttemptState, mark: AttemptMark) -> None:
        if mark.supervisor.alive:
            self._log.info("found a running attempt", attempt=state.name, supervisor=mark.supervisor.pid)
            self._watch_over(state.name, mark.supervisor)
        else:
            self._salvage(state)

    def _salvage(self, state: AttemptState) -> None:
        # Once in a daemon's life: what fails again is left on disk for the next one to try.
        self._salvaged.add(state.name)
        try:
            pid = self._fork_server.start_salvage(state.folder)
        except ForkServerDied:
            self._begin_again()
        self._watch_over(state.name, ProcessMark.of(pid))

    def _watch_over(self, name: str, mark: ProcessMark | None) -> None:
        if mark is not None:
            self._supervisors[name] = mark
        self._watch.add(name, mark)

    # --- the end -------------------------------------------------------------------

    def _hear_signal(self, _number: int, _frame: Any) -> None:
        self._signals += 1
        self._ear.ring()

    def _follow_signals(self) -> None:
        """The first drains, the second stops attempts with grace, the third kills them."""
        while self._signals_followed < self._signals:
            self._signals_followed += 1
            self._draining = True
            count = len(self._supervisors)
            if self._signals_followed == 1:
                self._log.info("draining", running=count, next="again stops them, a third time kills them")
                continue
            self._log.warning("stopping attempts", running=count, grace=self._signals_followed == 2)
            for mark in self._supervisors.values():
                if mark.alive:
                    os.kill(mark.pid, signal.SIGTERM)

    def _finished(self) -> bool:
        if self._slots.busy:
            return False
        limit = self._config.exit_when_idle
        return self._draining or (limit is not None and time.monotonic() - self._idle_since >= limit)

    def _leave(self) -> int:
        self._ear.stop()
        try:
            self._registration.withdraw()
        except (ServerUnreachable, ServerUnfit) as error:
            self._log.warning("could not sign off", reason=error.what)
        self._fork_server.close()
        self._log.info("left")
        return 0

    def _begin_again(self) -> NoReturn:
        """Without a fork server nothing can be started: begin afresh, which loses nothing."""
        self._log.warning("the fork server died: starting again")
        sys.stderr.flush()
        # What comes while we begin is followed by whom we become.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - ourselves
