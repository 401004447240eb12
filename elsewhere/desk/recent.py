"""Which task this machine's last run of some names was: a small file, shared by all processes of a user."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from elsewhere.desk import process

MOST: Final = 1000
"""Runs that are remembered; the oldest are forgotten first."""

LOCK_SECONDS: Final = 10.0
"""How long a run waits for others that are deciding."""


@dataclass(frozen=True)
class Run:
    """The last run of some names."""

    id: str
    owner: str
    """Mark of the process that it was."""
    time: float
    """When it was opened, or ended; seconds since the epoch, by this machine's clock."""


class Recent:
    """The runs in the file, while its lock is held."""

    def __init__(self, runs: dict[str, Any]) -> None:
        self._runs = runs
        self.changed = False

    def last(self, key: str) -> Run | None:
        """The last run under a key."""
        return _run(self._runs.get(key))

    def by_id(self, task_id: str) -> Run | None:
        """The run that was this task."""
        runs = (_run(stored) for stored in self._runs.values())
        return next((run for run in runs if run is not None and run.id == task_id), None)

    def note(self, key: str, task_id: str) -> None:
        """The last run under ``key`` is this process's."""
        self._runs.pop(key, None)
        self._runs[key] = {"id": task_id, "owner": process.mark(), "time": time.time()}
        for oldest in list(self._runs)[:-MOST]:
            del self._runs[oldest]
        self.changed = True


def key(server: str, project: str, name: str, type: str) -> str:
    """What runs are told apart by; machines that share a folder tell theirs apart, too.

    The server stands there by its hash: its URL may hold a password.
    """
    place = hashlib.sha256(server.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return json.dumps([process.host(), place, project, name, type], ensure_ascii=False)


@contextmanager
def opened(folder: Path) -> Iterator[Recent]:
    """The file of ``folder``, locked; what is noted is written at the end of the block.

    Raises:
        OSError: the folder cannot be written, or another process keeps the lock.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "recent.json"
    with (folder / "recent.lock").open("a") as lock:
        _take(lock)
        try:
            recent = Recent(_read(path))
            yield recent
            if recent.changed:
                draft = path.with_suffix(f".{os.getpid()}")
                draft.write_text(json.dumps(recent._runs, ensure_ascii=False), encoding="utf-8")
                draft.replace(path)
        finally:
            # Closing it would not do: a child that is forked meanwhile has it open, too.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _take(lock: IO[str]) -> None:
    """Take the lock of an open file.

    Raises:
        TimeoutError: somebody has held it for seconds.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{lock.name} is held by another process") from None
            time.sleep(0.02)  # held for some answers of a server at most; a blocking call knows no end
        else:
            return


def _read(path: Path) -> dict[str, Any]:
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # it only saves a look: a run that is not found again is a new task
    return runs if isinstance(runs, dict) else {}


def _run(stored: object) -> Run | None:
    if not isinstance(stored, dict):
        return None
    try:
        return Run(str(stored["id"]), str(stored["owner"]), float(stored["time"]))
    except (KeyError, TypeError, ValueError):
        return None
