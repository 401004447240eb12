"""Takes care of an attempt whose supervisor died: nothing of it runs on, nothing of it is lost."""

from __future__ import annotations

import contextlib

import psutil

from agent import workspace
from agent.config import AttemptConfig
from agent.finish import finish
from agent.heartbeat import Heartbeat
from agent.journal import Journal
from agent.launch import attempt_variables
from agent.line import AgentLine
from agent.state import AttemptMark, AttemptState
from agent.stop import Stop
from agent.stream import Sender
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.outcome import Lost, Outcome
from executors.process import end_tree, mark_of


def salvage(config: AttemptConfig, mark: AttemptMark) -> Outcome:
    """End what is left of the launched tree, send the rest of the log, commit a kept outcome.

    Where the script had not ended there is no outcome to commit: its task goes back into its
    queue when the lease ends, as with a box that died. Returns how the attempt ended.
    """
    if mark.command is not None:
        _end_leftovers(mark.command.pid, mark, config.stop_grace_seconds)
    state = AttemptState(config.state)
    outcome = state.read_outcome() or Lost("its supervisor died")
    if not isinstance(outcome, Lost):
        outcome = _deliver(config, mark, outcome)
    lease = mark.lease
    with contextlib.suppress(OSError, ElsewhereError):
        workspace.remove(
            config.folders.workspaces / f"{lease.task_id}-{lease.attempt}", config.folders.repositories
        )
    state.remove()
    return outcome


def _end_leftovers(pid: int, mark: AttemptMark, grace: float) -> None:
    token = mark_of(attempt_variables(mark.lease))
    started = 0.0
    if mark.command is not None and mark.command.alive:
        with contextlib.suppress(psutil.Error):
            started = psutil.Process(pid).create_time()
    end_tree(pid, started, grace, token)


def _deliver(config: AttemptConfig, mark: AttemptMark, outcome: Outcome) -> Outcome:
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
    # From the first chunk on: the store drops those that it has.
    sender = Sender(journal, line.deliver)
    sender.start()
    try:
        return finish(outcome, journal, sender, line)
    finally:
        heartbeat.finish()
