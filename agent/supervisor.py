"""The process that owns one attempt from start to end, and outlives its daemon."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType

from agent.attempt import Attempt
from agent.config import AttemptConfig
from agent.disk import space_needed
from agent.line import AgentLine
from agent.lock import locked
from agent.salvage import salvage
from agent.site import Site
from agent.state import AttemptMark, AttemptState, ProcessMark
from agent.stop import Stop
from agent.witness import Bequest, Testimony, witnessed
from elsewhere.contract.errors import DiskFull, ElsewhereError
from elsewhere.contract.lease import Claim
from elsewhere.contract.outcome import Lost, NeverRan, Outcome, Step, Stopped
from executors import named
from executors.contract import Running

EXIT_LOST = 75
"""What a supervisor exits with when another attempt owns its task (EX_TEMPFAIL)."""


def supervise(
    claim: Claim,
    config: AttemptConfig,
    *,
    echo: Callable[[bytes], None] | None = None,
    executor: str = "process",
    bequeath: Callable[[Sequence[int]], None] = lambda _: None,
) -> Outcome:
    """Run the attempt in this process, and return how it ended.

    ``bequeath`` is given the descriptors that a successor of this process needs. SIGTERM and
    SIGINT ask for its stop, once with grace and the second time without. The
    state folder stays when the attempt was lost or this process dies: what is in it then
    is for whoever comes after.
    """
    state = AttemptState(config.state)
    stop = Stop()
    _hear_signals(stop, config)

    line = AgentLine(config, claim.lease)

    mark = AttemptMark(claim.lease, ProcessMark.own())

    def write(known: AttemptMark) -> None:
        nonlocal mark
        mark = known
        with space_needed(config.state):
            state.write_mark(mark)

    def sited(site: Site) -> None:
        if site.engine is not None:
            write(replace(mark, engine=site.engine))

    def launched(running: Running) -> None:
        bequeath(running.bequest)
        write(replace(mark, command=None if running.pid is None else ProcessMark.of(running.pid)))

    try:
        write(mark)
        attempt = Attempt(
            claim,
            config,
            line,
            named(executor),
            stop,
            told_site=sited,
            told_launch=launched,
            echo=echo,
        )
    except DiskFull as full:
        state.remove()
        return _refuse(line, full)
    outcome = attempt.run()
    attempt.remove()
    state.remove()
    return outcome


def become_supervisor(claim: Claim, config: AttemptConfig) -> int:
    """``supervise`` below a witness, detached from everything; the exit code of both.

    To be called in a freshly forked process, which becomes the witness.
    """

    def work(bequest: Bequest) -> int:
        return _ended(config, supervise(claim, config, bequeath=bequest.hand_on))

    def succeed(testimony: Testimony) -> int:
        mark = AttemptState(config.state).read_mark()
        return 0 if mark is None else _ended(config, salvage(config, mark, testimony))

    try:
        return _detached(config, lambda: witnessed(work, succeed))
    except DiskFull as full:
        AttemptState(config.state).remove()
        _refuse(AgentLine(config, claim.lease), full)
        return full.exit_code


def become_salvager(config: AttemptConfig) -> int:
    """``salvage`` in a freshly forked process; returns its exit code."""

    def work() -> int:
        state = AttemptState(config.state)
        mark = state.read_mark()
        if mark is None:  # its witness has taken care of it while we waited for the hold
            if state.word() is None:
                state.remove()
            return 0
        return _ended(config, salvage(config, mark))

    return _detached(config, work)


def _refuse(line: AgentLine, full: DiskFull) -> Outcome:
    """End the task although there is no room for a journal, nor for any other state.

    Where the server does not hear of it, the lease runs out, as with a box that died.
    """
    outcome = NeverRan(Step.WORKSPACE, str(full))
    try:
        line.commit(outcome)
    except ElsewhereError as error:
        return Lost(f"{full.what}; {error.what}")
    return outcome


def _detached(config: AttemptConfig, work: Callable[[], int]) -> int:
    os.setsid()
    with space_needed(config.state):
        config.state.mkdir(parents=True, exist_ok=True)
        log = os.open(AttemptState(config.state).log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.close(null)
    os.close(log)
    try:
        # Seen by janitors, and by a second process that would take care of the same attempt.
        with locked(AttemptState(config.state).hold):
            return work()
    except BaseException:  # noqa: BLE001 - the last place where anybody can be told
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _ended(config: AttemptConfig, outcome: Outcome) -> int:
    if not isinstance(outcome, Lost):
        return 0
    AttemptState(config.state).leave_word(outcome)
    return EXIT_LOST


def _hear_signals(stop: Stop, config: AttemptConfig) -> None:
    # Counted here: the thread that follows the first may not have begun when the second comes.
    heard = itertools.count()

    def ask(number: int, _frame: FrameType | None) -> None:
        again = next(heard) > 0 or stop.reason is not None
        grace = 0.0 if again else config.stop_grace_seconds
        stop.ask_soon(Stopped(f"{signal.Signals(number).name} to the agent's supervisor"), grace)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
