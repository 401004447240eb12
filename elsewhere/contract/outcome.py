"""How an attempt ended: a value, always one of four, never an exception."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum
from typing import Union

from elsewhere.contract.status import Status


class Step(str, Enum):
    """The steps of an attempt before the user's script runs, in order."""

    WORKSPACE = "workspace"
    ENVIRONMENT = "environment"
    LAUNCH = "launch"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Verdict:
    """What a script itself says of how its task ends, whatever its exit code is then."""

    status: Status
    """``completed``, ``failed`` or ``stopped``."""
    message: str = ""


@dataclass(frozen=True)
class Exited:
    """The user's script ran and ended by itself.

    ``code`` is the exit code; a negative one is the number of the signal that
    killed it. ``traceback`` holds the last lines of what it printed about it, or what else
    there is to say of the run. ``oom_killed`` says that the kernel ended it for want of memory.
    ``verdict`` is the script's own, where it gave one.
    """

    code: int
    traceback: str = ""
    oom_killed: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True)
class NeverRan:
    """We failed before the user's script could start: at which step, and why."""

    step: Step
    reason: str


@dataclass(frozen=True)
class Stopped:
    """Somebody asked for the end of the attempt; ``by`` says who, in words."""

    by: str


@dataclass(frozen=True)
class Lost:
    """The agent lost the right to run the attempt; another one may own the task now."""

    reason: str


Outcome = Union[Exited, NeverRan, Stopped, Lost]


def status_of(outcome: Outcome) -> Status:
    """The status that a task ends with after ``outcome``.

    Raises:
        ValueError: for ``Lost``, which ends an attempt but never a task.
    """
    if isinstance(outcome, Exited):
        if outcome.verdict is not None:
            return outcome.verdict.status
        return Status.COMPLETED if outcome.code == 0 else Status.FAILED
    if isinstance(outcome, NeverRan):
        return Status.FAILED
    if isinstance(outcome, Stopped):
        return Status.STOPPED
    raise ValueError("a lost attempt gives its task no status: the reaper does")


def message_of(outcome: Outcome) -> str:
    """The status message of ``outcome``, in words for the person who submitted the task."""
    if isinstance(outcome, Exited):
        said = outcome.verdict.message if outcome.verdict is not None else ""
        return "\n".join(filter(None, (said, _ending_of(outcome), outcome.traceback)))
    if isinstance(outcome, NeverRan):
        return f"the script never ran ({outcome.step}): {outcome.reason}"
    if isinstance(outcome, Stopped):
        return f"stopped by {outcome.by}"
    return f"attempt lost: {outcome.reason}"


def exit_code_of(outcome: Outcome) -> int | None:
    """The script's exit code, or None where the script did not end by itself."""
    return outcome.code if isinstance(outcome, Exited) else None


def _ending_of(outcome: Exited) -> str:
    if outcome.oom_killed:
        return "the script was oom-killed: it used more memory than there was for it"
    if outcome.code < 0:
        return f"the script was killed by {_signal_name(-outcome.code)}"
    return f"the script exited with code {outcome.code}" if outcome.code else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
