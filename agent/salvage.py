"""Takes care of an attempt whose supervisor died: nothing of it runs on, nothing of it is lost."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from agent import workspace
from agent.config import AttemptConfig
from agent.finish import finish
from agent.heartbeat import Heartbeat
from agent.journal import Journal
from agent.line import AgentLine
from agent.remains import InEngine, Processes, Remains
from agent.state import AttemptMark, AttemptState
from agent.stop import Stop
from agent.stream import TAIL_BYTES, Pump, Sender
from agent.witness import UNWITNESSED, Testimony
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.outcome import Exited, Lost, Outcome, Verdict
from elsewhere.traceback_tail import last_lines
from executors.contract import Exit

DRAIN_SECONDS = 5.0
"""What reading an ended script's pipe may take, should a process that nobody found still hold it open."""


def salvage(config: AttemptConfig, mark: AttemptMark, testimony: Testimony = UNWITNESSED) -> Outcome:
    """End what is left of the launched tree, send the rest of the log, commit the outcome.

    That is the one which the supervisor has kept, else what its witness has seen. Where the
    script had not ended there is none: its task goes back into its queue when the lease
    ends, as with a box that died. Returns how the attempt ended.
    """
    state = AttemptState(config.state)
    outcome = state.read_outcome()
    remains: Remains = Processes(mark, testimony) if mark.engine is None else InEngine(mark, testimony)
    if outcome is None:
        outcome = _as_outcome(remains.exit(), state.read_verdict())
        with contextlib.suppress(OSError):
            state.write_outcome(outcome)
    remains.end(config.stop_grace_seconds)
    if not isinstance(outcome, Lost):
        outcome = _deliver(config, mark, outcome, remains.output)
    lease = mark.lease
    with contextlib.suppress(OSError, ElsewhereError):
        workspace.remove(
            config.folders.workspaces / f"{lease.task_id}-{lease.attempt}", config.folders.repositories
        )
    state.remove()
    return outcome


def _as_outcome(ended: Exit | None, verdict: Verdict | None) -> Outcome:
    if ended is None:
        return Lost("its supervisor died")
    return Exited(ended.code, oom_killed=ended.oom_killed, verdict=verdict)


def _deliver(config: AttemptConfig, mark: AttemptMark, outcome: Outcome, output: int | None) -> Outcome:
    line = AgentLine(config, mark.lease)
    heartbeat = Heartbeat(
        line.renew,
        line.wait_for_control,
        Stop(),
        interval=config.heartbeat_seconds,
        lease_seconds=mark.lease.seconds,
        margin=config.renewal_margin,
        grace=0.0,
        on_partition="continue",
    )
    heartbeat.start()
    journal = Journal(AttemptState(config.state).journal)
    if output is not None:
        # What the script had printed and nobody has read; its tree is over.
        pump = Pump(output, journal)
        pump.start()
        pump.join(DRAIN_SECONDS)
    if isinstance(outcome, Exited) and outcome.code and not outcome.traceback:
        outcome = replace(outcome, traceback=last_lines(journal.tail(TAIL_BYTES)))
    # From the first chunk on: the store drops those that it has.
    sender = Sender(journal, line.deliver)
    sender.start()
    try:
        return finish(outcome, journal, sender, line)
    finally:
        heartbeat.finish()
