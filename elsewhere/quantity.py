"""Durations, moments and sizes as people write them."""

from __future__ import annotations

import math
import re
from datetime import datetime

from elsewhere.contract.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_PART = re.compile(rf"({_NUMBER.pattern})([smhd])")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")
_SIZE = re.compile(rf"({_NUMBER.pattern})(?:([kmgt])(ib|b)?|b)?")


def seconds(option: str, text: str) -> float:
    """A duration in seconds: ``90``, ``90s``, ``10m``, ``1.5h``, ``1h30m``, ``2d``.

    Raises:
        UsageError: it is none; the message names ``option``.
    """
    written = _compact(text)
    if _NUMBER.fullmatch(written):
        return float(written)
    if not _PARTS.fullmatch(written):
        raise UsageError(
            f"{option}: {text!r} is no duration", f"Give {option} seconds, or such as 90s, 10m, 1h30m, 2d."
        )
    return math.fsum(float(number) * SECONDS[unit] for number, unit in _PART.findall(written))


def moment(option: str, text: str) -> float:
    """A moment in seconds since the epoch: ISO 8601, of the local time zone unless it names one.

    Raises:
        UsageError: it is none; the message names ``option``.
    """
    written = text.strip()
    try:
        # Python 3.10 does not know the Z.
        return datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", written)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: {text!r} is no time",
            f"Give {option} such as 2030-01-31T22:00, or 2030-01-31T22:00+01:00.",
        ) from None


def size(option: str, text: str) -> int:
    """A size in bytes: ``8GiB``, or ``8G`` for the same; ``8GB`` is 8 * 1000 ** 3.

    Raises:
        UsageError: it is none, or nothing; the message names ``option``.
    """
    found = _SIZE.fullmatch(_compact(text))
    if found is None:
        raise UsageError(f"{option}: {text!r} is no size", f"Give {option} such as 512MiB, 8GiB or 8GB.")
    number, unit, suffix = found.groups()
    count = int(float(number) * (1000 if suffix == "b" else 1024) ** POWERS[unit or ""])
    if count == 0:
        raise UsageError(f"{option}: {text!r} is nothing at all", f"Leave {option} out for no limit.")
    return count


def _compact(text: str) -> str:
    return "".join(text.split()).lower()
