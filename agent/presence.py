"""The one daemon of a name on this machine: its name, its state folder, its lock."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path

from elsewhere.contract.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Presence:
    """Holds an agent's name on this machine until the process ends, however it ends.

    Args:
        agents: the folder of all agents' state on this machine.
        name: the wanted name; None takes the machine's own, with a number where it is in use.

    Raises:
        ConfigurationError: the name is in use here, or is none.
    """

    def __init__(self, agents: Path, name: str | None) -> None:
        if name is not None and not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no agent name", "Use letters, digits, dots, dashes and underscores, 64 at most."
            )
        own = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "agent"
        candidates = [name] if name else [own, *(f"{own}-{number}" for number in range(2, 1000))]
        for candidate in candidates:
            folder = agents / candidate
            lock = _lock(folder)
            if lock is not None:
                self.name, self.folder, self._lock = candidate, folder, lock
                return
        raise ConfigurationError(
            f"an agent named {candidates[0]} runs on this machine already", "Give another --name."
        )


def _lock(folder: Path) -> int | None:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A record lock, since a forked child does not inherit it: supervisors outlive the daemon.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def is_present(folder: Path) -> bool:
    """Whether a daemon lives that has the agent's state folder ``folder``.

    Never to be asked by a process that holds a ``Presence``: closing the file again would, by the
    rules of record locks, give its own up.
    """
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    else:
        return False
    finally:
        os.close(descriptor)
