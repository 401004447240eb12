"""Runs one task here and now, in this process, without a queue: `agent execute ID`."""

from __future__ import annotations

import sys

import queueing
from agent.config import AttemptConfig
from agent.machine import configured
from agent.presence import Presence
from agent.supervisor import EXIT_LOST, supervise
from elsewhere.connect import server_url
from elsewhere.contract.outcome import Exited, Lost, Outcome, Stopped
from elsewhere.settings import Settings
from elsewhere.store.redis.connection import connect

HEARTBEAT_SECONDS = 5.0
LEASE_SECONDS = 20.0
GRACE_SECONDS = 10.0


def run(settings: Settings, task_id: str) -> int:
    """Claim the task, run it to its end with its output on stdout; the exit code.

    That is the script's own where it ran, with 128 + N for signal N as in a shell.

    Raises:
        IllegalMove: the task is neither a draft nor queued.
        TaskNotFound: there is no such task.
    """
    folders = settings.folders
    # Before the claim: a wrong setting must not cost the task an attempt.
    machine = configured(folders)
    presence = Presence(folders.agents, None)
    url = server_url(settings)
    claim = queueing.take_task(connect(url), presence.name, task_id, LEASE_SECONDS)
    config = AttemptConfig(
        redis_url=url,
        folders=folders,
        state=presence.folder / "attempts" / f"{task_id}-{claim.lease.attempt}",
        heartbeat_seconds=HEARTBEAT_SECONDS,
        lease_seconds=LEASE_SECONDS,
        stop_grace_seconds=GRACE_SECONDS,
        log_cap=settings.log_cap,
        machine=machine,
    )
    return _exit_code(supervise(claim, config, echo=_write))


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _exit_code(outcome: Outcome) -> int:
    if isinstance(outcome, Exited):
        return outcome.code if outcome.code >= 0 else 128 - outcome.code
    if isinstance(outcome, Stopped):
        return 130
    return EXIT_LOST if isinstance(outcome, Lost) else 1
