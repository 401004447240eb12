"""The process that owns one attempt from start to end, and outlives its daemon."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from agent.attempt import Attempt
from agent.config import AttemptConfig
from agent.disk import space_needed
from agent.line import AgentLine
from agent.lock import locked
from agent.salvage import salvage
from agent.state import AttemptMark, AttemptState, ProcessMark
from agent.stop import Stop
from elsewhere.contract.errors import DiskFull, ElsewhereError
from elsewhere.contract.lease import Claim
from elsewhere.contract.outcome import Lost, NeverRan, Outcome, Step, Stopped
from executors import named

EXIT_LOST = 75
"""What a supervisor exits with when another attempt owns its task (EX_TEMPFAIL)."""


def supervise(
    claim: Claim,
    config: AttemptConfig,
    slot: int,
    *,
    echo: Callable[[bytes], None] | None = None,
    executor: str = "process",
) -> Outcome:
    """Run the attempt in this process, and return how it ended.

    SIGTERM and SIGINT ask for its stop, once with grace and the second time without. The
    state folder stays when the attempt was lost or this process dies: what is in it then
    is for whoever comes after.
    """
    state = AttemptState(config.state)
    stop = Stop()
    _hear_signals(stop, config)

    line = AgentLine(config, claim.lease)

    def mark(command: int | None) -> None:
        launched = None if command is None else ProcessMark.of(command)
        with space_needed(config.state):
            state.write_mark(AttemptMark(claim.lease, slot, ProcessMark.own(), launched))

    try:
        mark(None)
        attempt = Attempt(claim, config, line, named(executor), stop, told_launch=mark, echo=echo)
    except DiskFull as full:
        state.remove()
        return _refuse(line, full)
    outcome = attempt.run()
    attempt.remove()
    state.remove()
    return outcome


def become_supervisor(claim: Claim, config: AttemptConfig, slot: int) -> int:
    """``supervise`` in a freshly forked process, detached from everything; returns its exit code."""
    try:
        return _detached(config, lambda: supervise(claim, config, slot))
    except DiskFull as full:
        AttemptState(config.state).remove()
        _refuse(AgentLine(config, claim.lease), full)
        return full.exit_code


def become_salvager(config: AttemptConfig) -> int:
    """``salvage`` in a freshly forked process; returns its exit code."""

    def work() -> Outcome:
        mark = AttemptState(config.state).read_mark()
        return salvage(config, mark) if mark is not None else Lost("nothing is known of it")

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


def _detached(config: AttemptConfig, work: Callable[[], Outcome]) -> int:
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
            outcome = work()
            if isinstance(outcome, Lost):
                AttemptState(config.state).leave_word(outcome)
    except BaseException:  # noqa: BLE001 - the last place where anybody can be told
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return EXIT_LOST if isinstance(outcome, Lost) else 0


def _hear_signals(stop: Stop, config: AttemptConfig) -> None:
    # Counted here: the thread that follows the first may not have begun when the second comes.
    heard = itertools.count()

    def ask(number: int, _frame: FrameType | None) -> None:
        again = next(heard) > 0 or stop.reason is not None
        grace = 0.0 if again else config.stop_grace_seconds
        stop.ask_soon(Stopped(f"{signal.Signals(number).name} to the agent's supervisor"), grace)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
