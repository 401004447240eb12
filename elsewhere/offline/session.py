"""What an offline session is made of, and under which names.

::

    ID/task.json     the task as it began: a ``Session`` as the codec writes it
    ID/blobs/SHA256  the bytes that its spec refers to
    ID/writes.bin    what the run wrote about itself, in order: see ``elsewhere.offline.frames``
    ID/end.json      how it ended: an ``Ended``; missing where nobody could say so

The run's process holds a lock on ``task.json`` while it records. ``ID.zip`` holds the same names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from elsewhere.contract.task import NewTask
from elsewhere.desk.ending import Ending

TASK: Final = "task.json"
WRITES: Final = "writes.bin"
END: Final = "end.json"
BLOBS: Final = "blobs"

NAMES: Final = re.compile(rf"{re.escape(TASK)}|{re.escape(WRITES)}|{re.escape(END)}|{BLOBS}/[0-9a-f]{{64}}")
"""All that a session may hold."""


@dataclass(frozen=True)
class Session:
    """A run as it began."""

    id: str
    """The task's id, chosen at the desk: it is the same in the store afterwards."""
    new: NewTask
    begun: float
    """Seconds since the epoch, by the desk's clock."""
    machine: str
    """The desk's host name."""


@dataclass(frozen=True)
class Ended:
    """A run's end."""

    ending: Ending
    time: float
    """Seconds since the epoch, by the desk's clock."""
    written: int
    """Bytes that ``writes.bin`` had by then: where it has fewer, some are missing."""
