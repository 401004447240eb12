"""What must be true when everything is over. Each check says in words what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import redis
from chaos.work import QUEUE, Told, expected_output

from elsewhere.contract import keys
from elsewhere.contract.events import Event
from elsewhere.contract.status import Status
from elsewhere.contract.task import LogChunk, TaskRecord
from elsewhere.store.redis import RedisStore

POISON: Final = "poisoned: "
POISONED_AFTER: Final = 3
"""Lost attempts in a row after which an agent calls a task poisoned."""


@dataclass(frozen=True)
class Story:
    """All that is known of one task in the end."""

    record: TaskRecord
    chunks: Sequence[LogChunk]
    events: Sequence[Event]
    told: Sequence[Told]
    """What its scripts have left in the book, in order."""
    lines: int
    """How many lines its script prints before the last."""

    @property
    def poisoned(self) -> bool:
        """Whether it was given up after lost attempts, which is no fault of the house here."""
        return self.record.status is Status.FAILED and self.record.status_message.startswith(POISON)

    def __str__(self) -> str:
        happened = "".join(f"\n    {event.kind} {event.attempt} {event.detail}" for event in self.events)
        return f"{self.record.id}: {self.record.status}, {self.record.status_message!r}{happened}"


def story(store: RedisStore, task_id: str, told: Sequence[Told], lines: int) -> Story:
    """The story of a task, read from the store."""
    chunks: list[LogChunk] = []
    while page := store.read_log(task_id, chunks[-1].position if chunks else ""):
        chunks += page
    return Story(store.get(task_id), chunks, store.events(task_id), told, lines)


def complaints(story: Story) -> list[str]:
    """What is wrong with how one task has gone; nothing, if all is well."""
    found = [*_about_attempts(story)]
    if story.record.status is Status.COMPLETED:
        found += [*_about_completion(story), *_about_log(story)]
    elif story.poisoned:
        found += _about_poison(story)
    else:
        found.append("it has ended neither completed nor poisoned")
    return found


def _about_attempts(story: Story) -> Iterator[str]:
    started = Counter(told.attempt for told in story.told if told.word == "start")
    yield from (
        f"attempt {attempt} was started {times} times" for attempt, times in started.items() if times > 1
    )
    yield from (
        f"attempt {attempt} ran, and the newest is {story.record.attempt}"
        for attempt in started
        if attempt > story.record.attempt
    )
    ends = [chunk for chunk in story.chunks if chunk.kind == "end"]
    if len(ends) != 1 or story.chunks[-1].kind != "end":
        yield f"its log has {len(ends)} end chunks, and {story.chunks[-1].kind if story.chunks else 'nothing'} last"
    committed = [event.attempt for event in story.events if event.kind == "ended"]
    if committed != [story.record.attempt]:
        yield f"its end was told for the attempts {committed}, and its newest is {story.record.attempt}"


def _about_completion(story: Story) -> Iterator[str]:
    accepted = [told for told in story.told if told.attempt == story.record.attempt]
    if [told.word for told in accepted] != ["start", "end"] or len({told.pid for told in accepted}) != 1:
        yield f"its accepted attempt left {accepted} in the book, not one start and one end of one process"
    if story.record.exit_code != 0:
        yield f"its script exited {story.record.exit_code}"


def _about_log(story: Story) -> Iterator[str]:
    attempt = story.record.attempt
    parts = [chunk.data for chunk in story.chunks if (chunk.kind, chunk.attempt) == ("output", attempt)]
    held = b"".join(parts).decode(errors="replace").splitlines()
    wanted = expected_output(attempt, story.lines).splitlines()
    if held == wanted:
        return
    missing, extra = Counter(wanted) - Counter(held), Counter(held) - Counter(wanted)
    if missing or extra:
        yield f"its log lacks {_some(missing)}, and has {_some(extra)} too much"
    else:
        yield "its log is not in order"


def _about_poison(story: Story) -> Iterator[str]:
    lost = [event for event in story.events if event.kind in ("requeued", "poisoned")]
    if len(lost) < POISONED_AFTER or story.record.lost_attempts < POISONED_AFTER:
        yield f"it is called poisoned after {len(lost)} lost attempts"


def _some(lines: Counter[str]) -> str:
    total = lines.total()
    return f"{total} lines ({', '.join(map(repr, list(lines)[:3]))} …)" if total else "none"


def standing(client: redis.Redis) -> list[str]:
    """What the server still has of tasks that have all ended."""
    places = {
        "the queue": client.lrange(keys.rq_queue(QUEUE), 0, -1),
        "the leases": client.zrange(keys.LEASES, 0, -1),
        "the accepted tasks": client.smembers(keys.ACCEPTED),
        "RQ's running jobs": client.zrange(keys.rq_started(QUEUE), 0, -1),
        "RQ's scheduled jobs": client.zrange(keys.rq_scheduled(QUEUE), 0, -1),
    }
    return [f"{place} hold {held}" for place, held in places.items() if held]
