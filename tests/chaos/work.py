"""What the agents have to do meanwhile: many short tasks, each of which leaves its marks in one book."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

from flow.world import World

from elsewhere.contract.errors import ServerUnfit, ServerUnreachable
from elsewhere.contract.task import NewTask, StopRequest, TaskRecord
from elsewhere.store.redis import RedisStore
from elsewhere.submission import submit

QUEUE: Final = "default"

_SCRIPT: Final = dedent(
    """
    import os, sys, time

    book, lines, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    task, attempt = os.environ["ELSEWHERE_TASK_ID"], os.environ["ELSEWHERE_ATTEMPT"]
    page = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tell(word):
        os.write(page, f"{word} {task} {attempt} {os.getpid()}\\n".encode())

    tell("start")
    burst = max(1, lines // 30)
    for number in range(lines):
        print(f"attempt {attempt} line {number}")
        if number % burst == 0:
            sys.stdout.flush()
            time.sleep(seconds * burst / lines)
    print(f"attempt {attempt} is done", flush=True)
    tell("end")
    """
)


def expected_output(attempt: int, lines: int) -> str:
    """All that an attempt of ``_SCRIPT`` prints."""
    numbered = "".join(f"attempt {attempt} line {number}\n" for number in range(lines))
    return f"{numbered}attempt {attempt} is done\n"


class Told(NamedTuple):
    """One line of the book: a script has started, or has come to its end."""

    word: str
    task: str
    attempt: int
    pid: int


def read_book(book: Path) -> list[Told]:
    """All lines of the book, in order."""
    rows = [line.split() for line in book.read_text().splitlines()]
    return [Told(word, task, int(attempt), int(pid)) for word, task, attempt, pid in rows]


@dataclass(frozen=True)
class Job:
    """A task to be submitted, ``at`` seconds from the beginning of the run."""

    at: float
    lines: int
    seconds: float
    """How long its script takes, about."""


def jobs(seed: int, count: int, over: float) -> tuple[Job, ...]:
    """So many tasks, spread over the first ``over`` seconds."""
    chance = random.Random(f"{seed} work")
    times = sorted(chance.uniform(0.0, over) for _ in range(count))
    # One in ten prints so much that its log is many chunks.
    return tuple(
        Job(at, 3000 if index % 10 == 9 else chance.randint(3, 30), chance.uniform(0.2, 1.5))
        for index, at in enumerate(times)
    )


def captured(world: World, book: Path) -> TaskRecord:
    """A task of the script with a change that is in no commit, so that each attempt asks for a blob."""
    root = world.repository(main__py="raise SystemExit('the diff is missing')\n")
    (root / "main.py").write_text(_SCRIPT)
    template = world.submit(root, "main.py", str(book), "0", "0", options=("--queue", "nobody"))
    store = RedisStore(world.url)
    store.request_stop(template, StopRequest("the test"))
    return store.get(template)


class Desk(threading.Thread):
    """Submits ``jobs`` as their time comes, each until it has heard that it was accepted.

    ``accepted`` maps the ids to the jobs. ``rush`` ends the waiting for their times.
    """

    def __init__(self, url: str, like: TaskRecord, book: Path, jobs: Iterable[Job]) -> None:
        super().__init__(name="desk", daemon=True)
        self._url = url
        self._like = like
        self._book = book
        self._jobs = list(jobs)
        self._hurry = threading.Event()
        self.accepted: dict[str, Job] = {}
        self.repeated = 0
        """How often no answer came, and the submit was said again."""
        self.failure: Exception | None = None

    def rush(self) -> None:
        """Submit what is left at once."""
        self._hurry.set()

    def run(self) -> None:
        """Submit them all."""
        store = RedisStore(self._url)
        began = time.monotonic()
        try:
            for number, job in enumerate(self._jobs):
                self._hurry.wait(max(0.0, began + job.at - time.monotonic()))
                self.accepted[self._submit(store, number, job)] = job
        except Exception as error:  # told by the test's own thread
            self.failure = error
        finally:
            store.close()

    def _submit(self, store: RedisStore, number: int, job: Job) -> str:
        arguments = (str(self._book), str(job.lines), f"{job.seconds:.2f}")
        spec = replace(self._like.spec, entry=replace(self._like.spec.entry, arguments=arguments))
        new = NewTask("chaos", f"task {number}", spec)
        while True:
            try:
                return submit(store, new, (), QUEUE, submission=f"chaos {number}").task.id
            except (ServerUnreachable, ServerUnfit):
                self.repeated += 1
                time.sleep(0.2)
