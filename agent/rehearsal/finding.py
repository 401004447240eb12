"""One thing that a rehearsal found to be otherwise than at the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elsewhere.contract.errors import ElsewhereError

Kind = Literal["python", "package", "source", "local", "image", "file", "step"]
"""``source``: built from its source, for want of a wheel. ``step``: what an attempt would fail at."""


@dataclass(frozen=True)
class Finding:
    """What differs, in a sentence."""

    kind: Kind
    what: str
    exit_code: int = 0
    """That of the cause, where the task would not run; 0 where it would."""
    next_step: str = ""

    @classmethod
    def of(cls, error: ElsewhereError) -> Finding:
        """The failure that an attempt would end with."""
        return cls("step", error.what, error.exit_code, error.next_step)
