"""What the fault tests measured, one JSON line a figure, for the table in docs/faults.md."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "ELSEWHERE_FIGURES"
"""Names the file that figures are appended to; without it none is kept."""


@dataclass(frozen=True)
class Figure:
    """One measurement of one run."""

    fault: int
    promise: str
    """What is promised under the fault, as the table says it."""
    measured: str
    """From when to when, or what was counted."""
    value: float
    unit: str
    test: str
    """File and name of the test."""


def keep(figure: Figure) -> None:
    """Append the figure to the file that the environment names, if it names one."""
    if path := os.environ.get(VARIABLE):
        line = json.dumps(asdict(figure)) + "\n"
        # One write: test processes share the file.
        with Path(path).open("ab", buffering=0) as file:
            file.write(line.encode())


def load(path: Path) -> list[Figure]:
    """All figures of a file, in the order in which they were kept."""
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
