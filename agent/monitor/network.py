"""What went over the network that a process sees."""

from __future__ import annotations

import contextlib
from pathlib import Path

NOT_OUTSIDE = ("lo", "ifb", "veth", "docker", "br-", "virbr", "cni", "flannel", "cali")
"""Beginnings of the names of interfaces whose traffic stays on the machine, or is seen again on another."""


def transferred(pid: int | None) -> tuple[int, int] | None:
    """Bytes that were received and sent, of all together; None where it cannot be told.

    ``pid`` chooses the network: the machine's, or that of the container which the process is in.
    """
    received = sent = 0
    try:
        lines = Path(f"/proc/{pid or 'self'}/net/dev").read_text("ascii").splitlines()[2:]
    except (OSError, ValueError):
        return None
    for line in lines:
        name, _, counters = line.partition(":")
        fields = counters.split()
        if not name.strip().startswith(NOT_OUTSIDE):
            with contextlib.suppress(IndexError, ValueError):
                received += int(fields[0])
                sent += int(fields[8])
    return received, sent
