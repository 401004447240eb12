"""The story of an attempt, told once and in order."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil

from agent import workspace
from agent.config import AttemptConfig
from agent.disk import space_needed
from agent.environment import Environment
from agent.finish import finish
from agent.heartbeat import Heartbeat
from agent.journal import Journal
from agent.journaled import JournaledTask
from agent.line import AgentLine
from agent.monitor import Monitor
from agent.relay import RelayServer, attempt_calls
from agent.site import Paths, Site, site_of
from agent.state import AttemptState
from agent.stop import Stop, StopAsked
from agent.stream import RETRY_SECONDS, Pump, Sender
from elsewhere.contract.errors import ElsewhereError, ServerUnreachable
from elsewhere.contract.events import EventKind
from elsewhere.contract.lease import Claim
from elsewhere.contract.outcome import Exited, Lost, NeverRan, Outcome, Step, Stopped, Verdict
from elsewhere.contract.spec import Blob
from elsewhere.contract.status import Status
from elsewhere.function import SECTION as FUNCTION
from elsewhere.parameters.overrides import suggested
from elsewhere.startup import lay_sdk
from elsewhere.traceback_tail import last_lines
from executors.contract import Executor, Exit, Running
from executors.process.population import children_of

CATCH_UP_SECONDS = 1.0
"""How long the outcome of an ended script waits for the last of what it printed, before it is kept."""

LEFTOVER_GRACE_SECONDS = 2.0
"""What processes that a script leaves behind get, to end after it, before they are killed."""


class Attempt:
    """One try at a task on this machine: owns its lease, its journal, its workspace.

    Args:
        claim: the task and the right to run it.
        line: the attempt's connections to the server.
        executor: how the command is launched where it runs on this machine itself.
        stop: where a stop is asked for.
        told_site: is given where the command will run, before it does.
        told_launch: is given the command once it runs.
        echo: sees the script's output as it comes.
    """

    def __init__(
        self,
        claim: Claim,
        config: AttemptConfig,
        line: AgentLine,
        executor: Executor,
        stop: Stop,
        *,
        told_site: Callable[[Site], None] = lambda _: None,
        told_launch: Callable[[Running], None] = lambda _: None,
        echo: Callable[[bytes], None] | None = None,
    ) -> None:
        self._lease = claim.lease
        self._task = claim.task
        self._config = config
        self._line = line
        self._executor = executor
        self._stop = stop
        self._told_site = told_site
        self._told_launch = told_launch
        self._echo = echo
        self._state = AttemptState(config.state)
        self._journal = Journal(self._state.journal)
        self._sender = Sender(self._journal, line.deliver)
        self._own = JournaledTask(line.store, self._journal, claim.task)
        self._used_overrides: set[str] = set()
        self._holding = contextlib.ExitStack()
        folders = config.folders
        self._tree = folders.workspaces / f"{self._lease.task_id}-{self._lease.attempt}"
        self._socket = folders.sockets / f"{self._lease.task_id[:16]}-{self._lease.attempt}.sock"

    def run(self) -> Outcome:
        """Workspace, environment, launch, stream, finish; the heartbeat around all of it."""
        with self._heartbeat(), self._holding:
            self._sender.start()
            outcome = self._story()
            self._state_outcome(outcome)
            return finish(outcome, self._journal, self._sender, self._line)

    def remove(self) -> None:
        """Remove the workspace; the environment and the repository are for others, too."""
        with contextlib.suppress(OSError, ElsewhereError):
            workspace.remove(self._tree, self._config.folders.repositories)

    def _story(self) -> Outcome:
        step = Step.WORKSPACE
        try:
            with self._ending_children():
                self._rebuild_workspace()
            step = Step.ENVIRONMENT
            site = site_of(self._task, self._config, self._executor, self._stop.sleep)
            with self._ending_children(site.end_build):
                environment = self._prepare_environment(site)
            step = Step.LAUNCH
            self._stop.check()
            return self._launch_and_stream(site, environment)
        except StopAsked:
            return self._stop.reason or Stopped("an unknown hand")
        except ElsewhereError as error:
            return self._stop.reason or NeverRan(step, str(error))
        except Exception as error:  # noqa: BLE001 - an attempt always ends with an outcome
            traceback.print_exc()
            return self._stop.reason or NeverRan(step, f"{type(error).__name__}: {error}")

    @contextlib.contextmanager
    def _ending_children(self, also: Callable[[float], None] = lambda _: None) -> Iterator[None]:
        """While the block runs, a stop ends what it runs: git, an installer. The step then fails."""
        over = threading.Event()

        def end(grace: float) -> None:
            # Again and again: the step may be about to start its next child.
            while not over.is_set():
                _end_children(grace)
                also(grace)
                over.wait(0.1)

        try:
            with self._stop.ends_by(end):
                yield
        finally:
            over.set()

    def _rebuild_workspace(self) -> None:
        self._tell("workspace")
        workspace.rebuild(
            self._task.spec.source,
            self._tree,
            repositories=self._config.folders.repositories,
            fetch=self._fetch,
            note=self._note,
            config=self._config.machine.git,
        )
        self._stop.check()

    def _fetch(self, blob: Blob) -> bytes:
        """The bytes of a blob. A server that is away is waited for, as long as the lease lasts."""
        for attempt in itertools.count():
            try:
                return self._line.store.get_blob(blob)
            except ServerUnreachable:
                self._stop.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
        raise AssertionError("unreachable")

    def _prepare_environment(self, site: Site) -> Environment:
        self._tell("environment")
        # Until the script has ended: no janitor removes it meanwhile.
        environment = self._holding.enter_context(
            site.environment(self._task.spec.packages, self._tree, self._note)
        )
        self._stop.check()
        return environment

    def _launch_and_stream(self, site: Site, environment: Environment) -> Outcome:
        paths = Paths(self._tree, lay_sdk(self._config.folders.sdk), self._socket)
        with self._relay():
            self._told_site(site)
            running = site.executor.start(site.launch(environment, self._lease, paths))
            try:
                outcome = self._stream(running, site, environment)
            finally:
                # Whatever happened: nothing of the tree outlives its script.
                _clear(running)
        # Nothing is ended below us any more: what has to be compiled yet may outlive us.
        site.compile_soon(environment)
        return outcome

    def _stream(self, running: Running, site: Site, environment: Environment) -> Outcome:
        self._told_launch(running)
        self._tell("launched", f"pid {running.pid}" if running.pid else "")
        for note in running.notes:
            self._note(note)
        pump = Pump(running.output, self._journal, self._echo)
        pump.start()

        def end(grace: float) -> None:
            # Kept first: whoever finds the script ended shall not take this end for its own.
            self._state_outcome(self._stop.reason or Stopped("an unknown hand"))
            running.terminate(grace)

        with self._stop.ends_by(end), self._time_limit(), self._monitor(running, site):
            # The script runs, and is listened to: what nobody waits for comes now.
            self._record_built(environment)
            site.compile_soon(environment)
            ended = running.wait()
        outcome = self._stop.reason or self._exited(ended, site)
        # Whoever finds the outcome takes the journal for whole. What the script has printed is read
        # in a moment; a process that it left behind may hold the pipe open for longer.
        pump.join(CATCH_UP_SECONDS)
        self._state_outcome(outcome)
        _clear(running)
        pump.join()
        return self._explain(outcome, pump)

    def _explain(self, outcome: Outcome, pump: Pump) -> Outcome:
        """Add to an exit what only the whole output tells."""
        self._warn_of_unused_overrides()
        if not isinstance(outcome, Exited):
            return outcome
        words = last_lines(pump.tail) if outcome.code else ""
        if pump.failure is not None:
            words = f"the rest of the log is missing: {pump.failure.what}\n{words}".rstrip()
        return replace(outcome, traceback=words)

    def _exited(self, ended: Exit | None, site: Site) -> Outcome:
        if ended is None:
            return Lost("the command vanished")
        failure = site.failure(self._tree, ended)
        if failure is not None:
            return NeverRan(Step.LAUNCH, failure)
        verdict = self._verdict(ended)
        return Exited(ended.code, oom_killed=ended.oom_killed, verdict=verdict)

    def _verdict(self, ended: Exit) -> Verdict | None:
        verdict = self._state.read_verdict()
        function = self._task.spec.entry.function
        if not function or FUNCTION in self._used_overrides or ended.code:
            return verdict
        if verdict is not None and verdict.status is not Status.COMPLETED:
            return verdict
        # The exit code is the whole script's, which is none of this task's business.
        return Verdict(Status.FAILED, f"the script ended before it came to function {function!r}")

    def _record_built(self, environment: Environment) -> None:
        with contextlib.suppress(ElsewhereError, OSError):
            self._own.record_built(environment.built())

    @contextlib.contextmanager
    def _monitor(self, running: Running, site: Site) -> Iterator[None]:
        gpus = None
        if self._config.gpus:
            from agent import gpu

            with contextlib.suppress(ElsewhereError):
                gpus = gpu.here()
        monitor = Monitor(
            running.pid,
            self._own.add_scalars,
            self._config.machine.monitor,
            gpus,
            devices=self._config.gpus,
            # Of what is launched here, this process is the subreaper.
            adopter=os.getpid() if site.engine is None else None,
        )
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()
            if gpus is not None:
                gpus.close()

    def _warn_of_unused_overrides(self) -> None:
        unused = [name for name in self._task.overrides if name not in self._used_overrides]
        known: set[str] = set()
        if unused:
            with contextlib.suppress(ElsewhereError):
                known = self._own.get().parameters.keys() - set(unused)
        for name in unused:
            self._note(f"unused override: {suggested(name, known)}")

    @contextlib.contextmanager
    def _heartbeat(self) -> Iterator[None]:
        heartbeat = Heartbeat(
            self._line.renew,
            self._line.wait_for_control,
            self._stop,
            interval=self._config.heartbeat_seconds,
            lease_seconds=self._lease.seconds,
            margin=self._config.renewal_margin,
            grace=self._config.stop_grace_seconds,
            on_partition=self._config.on_partition,
        )
        heartbeat.start()
        try:
            yield
        finally:
            heartbeat.finish()

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        seconds = self._task.terms.timeout_seconds
        if seconds is None:
            yield
            return
        reason = Stopped(f"its time limit of {seconds:g} s")
        timer = threading.Timer(seconds, self._stop.ask, (reason, self._config.stop_grace_seconds))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def _relay(self) -> Iterator[None]:
        calls = attempt_calls(self._own, self._lease, self._used_overrides, self._keep_verdict)
        server = RelayServer(self._socket, calls)
        try:
            yield
        finally:
            server.close()

    def _keep_verdict(self, verdict: Verdict) -> None:
        with space_needed(self._config.state):
            self._state.write_verdict(verdict)

    def _tell(self, kind: EventKind, detail: str = "") -> None:
        with contextlib.suppress(ElsewhereError):
            self._own.record_event(kind, detail)

    def _note(self, text: str) -> None:
        with contextlib.suppress(ElsewhereError):
            self._journal.append("note", text.encode("utf-8", "backslashreplace"))

    def _state_outcome(self, outcome: Outcome) -> None:
        with contextlib.suppress(OSError):
            self._state.write_outcome(outcome)


def _clear(running: Running) -> None:
    """End what the script left behind."""
    running.terminate(LEFTOVER_GRACE_SECONDS)
    # A daemon that cleared its environment hid from the tree, but not from its subreaper: us.
    _end_children(0.0)


def _end_children(grace: float) -> None:
    """End every process below this one, which is there for one attempt alone."""
    if children_of("self") == []:
        return  # the usual case, without a search through all processes of the machine
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.terminate()
    _, alive = psutil.wait_procs(children, timeout=min(grace, 3.0))
    for child in alive:
        with contextlib.suppress(psutil.Error):
            child.kill()
