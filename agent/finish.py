"""The end of an attempt: the log is in the store, then the outcome is committed, once."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from dataclasses import replace

from agent.journal import Journal
from agent.line import AgentLine
from agent.stream import RETRY_SECONDS, Sender
from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import DiskFull, LateWrite, ServerUnfit, ServerUnreachable, TaskNotFound
from elsewhere.contract.outcome import Exited, Lost, Outcome, status_of
from elsewhere.contract.status import Status
from elsewhere.contract.write import Edited, encode_write


def finish(outcome: Outcome, journal: Journal, sender: Sender, line: AgentLine) -> Outcome:
    """Bring the rest of the log and the outcome to the store, however long it takes to answer.

    A task that has completed has made all its progress.
    The journal is closed. Returns the outcome that the attempt has in the end: ``Lost`` where
    the store refused it: another attempt owns the task, or nobody knows that any more.
    """
    if isinstance(outcome, Exited) and status_of(outcome) is Status.COMPLETED:
        with suppress(DiskFull):
            journal.append("write", encode_write(Edited(Edit(progress=100.0))))
    journal.close()
    if isinstance(outcome, Lost):
        sender.abandon()
        return outcome
    # Even when the lease has run out meanwhile: as long as nobody took the task over, what
    # the script has done still counts, and only the store can tell.
    sender.join()
    if sender.refused is not None:
        return Lost(sender.refused.what)
    if sender.failure and isinstance(outcome, Exited):
        missing = f"the rest of the log was not sent: {sender.failure}"
        outcome = replace(outcome, traceback=f"{missing}\n{outcome.traceback}".rstrip())
    for attempt in itertools.count():
        try:
            line.commit(outcome)
        except (LateWrite, TaskNotFound) as refusal:
            return Lost(refusal.what)
        except (ServerUnreachable, ServerUnfit):
            time.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
        else:
            return outcome
    raise AssertionError("unreachable")
