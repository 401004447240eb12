"""What every store holds of terms: which make sense, and how waiting is told."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

from elsewhere.contract.errors import UsageError
from elsewhere.contract.status import Status
from elsewhere.contract.terms import Terms

LAST_MOMENT = 253402300799.0
"""The end of the year 9999, in seconds since the epoch: whoever waits longer waits until then."""

_ID = re.compile(r"[0-9a-f]{32}")


def check_terms(terms: Terms) -> None:
    """Refuse terms that make no sense.

    Raises:
        UsageError: the message names the first that does not.
    """
    limits = terms.limits
    makes_sense = {
        "priority": abs(terms.priority) < 2**31,
        "run_at": _is_positive(terms.run_at),
        "parents": all(_ID.fullmatch(parent) for parent in terms.parents),
        "retries": 0 <= terms.retries < 2**31,
        "backoff_seconds": math.isfinite(terms.backoff_seconds) and terms.backoff_seconds >= 0,
        "timeout_seconds": _is_positive(terms.timeout_seconds),
        "limits.memory_bytes": _is_positive(limits.memory_bytes),
        "limits.cpus": _is_positive(limits.cpus),
    }
    for name, fine in makes_sense.items():
        if not fine:
            raise UsageError(f"the terms of the task make no sense: {name} of {terms}")


def is_met(status: Status, exit_code: int | None) -> bool:
    """Whether a parent that stands so is one that its children need not wait for any more."""
    return status in (Status.COMPLETED, Status.PUBLISHED) or (status.ended and exit_code == 0)


def parent_failed(parent: str) -> str:
    """The status message of a task whose parent ended otherwise than completed."""
    return f"parent failed: {parent}"


def until(moment: float) -> str:
    """Waiting for a moment, in words."""
    when = datetime.fromtimestamp(min(moment, LAST_MOMENT), timezone.utc)
    return f"until {when:%Y-%m-%dT%H:%M:%SZ}"


def for_parents(count: int, one: str) -> str:
    """Waiting for ``count`` parents, ``one`` of which is named, in words."""
    return f"for parent {one}" + (f" and {count - 1} more" if count > 1 else "")


def _is_positive(value: float | None) -> bool:
    return value is None or (math.isfinite(value) and value > 0)
