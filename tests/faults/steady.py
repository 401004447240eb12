"""The task that fault tests run: it counts until its gate opens, and every try leaves its mark in a book."""

from __future__ import annotations

import contextlib
import itertools
import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import psutil
from flow.world import Box, World, eventually

from elsewhere.contract.task import LogChunk, TaskRecord
from elsewhere.store.redis import RedisStore

_SCRIPT = dedent(
    """
    import os, signal, sys, time

    gate, book, code, stubborn = sys.argv[1:5]
    attempt = os.environ["ELSEWHERE_ATTEMPT"]
    if stubborn == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def tell(word):
        with open(book, "a") as file:
            file.write(f"{word} {attempt} {os.getpid()}\\n")

    tell("begin")
    number = 0
    while not os.path.exists(gate):
        print("line", attempt, number, flush=True)
        number += 1
        time.sleep(0.02)
    print("last", attempt, number, flush=True)
    tell("end")
    # Only the first attempt may fail: so it is seen whose end has counted.
    sys.exit(int(code) if attempt == "1" else 0)
    """
)
_numbers = itertools.count(1)


class Told(NamedTuple):
    """One line of the book: a try has begun, or has come to its end."""

    word: str
    attempt: int
    pid: int


class Steady:
    """One such task, submitted to a queue of ``world``, which must reach the server.

    Args:
        code: exit code of its first attempt; all others exit with 0.
        stubborn: it ignores SIGTERM.
    """

    def __init__(
        self, world: World, *, code: int = 0, stubborn: bool = False, options: tuple[str, ...] = ()
    ) -> None:
        number = next(_numbers)
        self.gate = world.folder / f"gate-{number}"
        self._book = world.folder / f"book-{number}"
        self._store = RedisStore(world.url)
        root = world.repository(f"steady-{number}", main__py=_SCRIPT)
        manner = "stubborn" if stubborn else "polite"
        self.id = world.submit(
            root, "main.py", str(self.gate), str(self._book), str(code), manner, options=options
        )

    def begun(self, attempt: int = 1, *, timeout: float = 60) -> int:
        """Process id of that attempt's script, once it has printed something that is in the store."""
        told = eventually(lambda: self._told("begin", attempt), timeout, f"attempt {attempt} to begin")
        eventually(lambda: self.lines(attempt), timeout, "its first line")
        return int(told.pid)

    def open_gate(self) -> None:
        """Let the script come to its end."""
        self.gate.touch()

    @property
    def told(self) -> list[Told]:
        """What all its tries have left in the book."""
        text = self._book.read_text() if self._book.exists() else ""
        rows = [line.split() for line in text.splitlines()]
        return [Told(word, int(attempt), int(pid)) for word, attempt, pid in rows]

    @property
    def record(self) -> TaskRecord:
        """The task as the store has it."""
        return self._store.get(self.id)

    @property
    def chunks(self) -> list[LogChunk]:
        """Its whole log."""
        found: list[LogChunk] = []
        while page := self._store.read_log(self.id, found[-1].position if found else ""):
            found += page
        return found

    def output(self, attempt: int) -> str:
        """What that attempt printed, as far as the store has it."""
        parts = [chunk.data for chunk in self.chunks if chunk.attempt == attempt and chunk.kind == "output"]
        return b"".join(parts).decode()

    def lines(self, attempt: int = 1) -> list[int]:
        """The numbers that attempt has counted in the log."""
        return [int(number) for number in re.findall(rf"^line {attempt} (\d+)$", self.output(attempt), re.M)]

    def ended(self, *statuses: str, timeout: float = 60) -> TaskRecord:
        """The task, once it has ended; it must have one of these statuses."""
        record: TaskRecord = eventually(
            lambda: self.record if self.record.status.ended else None, timeout, f"{self.id} to end"
        )
        assert record.status.value in statuses, f"{record.status}: {record.status_message}\n{self.events}"
        return record

    @property
    def events(self) -> list[tuple[str, int, str]]:
        """Kind, attempt and detail of all that happened to it."""
        return [(event.kind, event.attempt, event.detail) for event in self._store.events(self.id)]

    def require_whole_log(self, attempt: int = 1) -> int:
        """The attempt's log has every line once, in order, to the last; how many there are."""
        last = re.search(rf"^last {attempt} (\d+)$", self.output(attempt), re.M)
        assert last is not None, "the last line is missing"
        count = int(last[1])
        assert self.lines(attempt) == list(range(count))
        return count

    def _told(self, word: str, attempt: int) -> Told | None:
        return next((told for told in self.told if told[:2] == (word, attempt)), None)


def runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def everything_of(box: Box) -> list[psutil.Process]:
    """The daemon, its fork server, the supervisors, and all that they have started."""
    found = []
    for process in [psutil.Process(box.process.pid), *box.supervisors()]:
        with contextlib.suppress(psutil.Error):
            found += [process, *process.children(recursive=True)]
    return found


def box_folder(world: World, box: Box) -> Path:
    """Where the box keeps the state of its attempts."""
    return world.home / "state" / "agents" / box.name / "attempts"
