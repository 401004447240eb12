"""What a page of 50 costs where 100,000 tasks are stored, and what storing one takes of the server's memory.

Floor: ZREVRANGE of 50 ids of one set, and their hashes.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from typing import cast

import redis
from stage import stage

from elsewhere import Task
from elsewhere.contract import keys
from elsewhere.contract.query import Query, Words
from elsewhere.contract.spec import Entry, Packages, Source, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.store import identity
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.editing import flat
from elsewhere.store.redis.queueing import MOVE
from elsewhere.store.redis.record import new_fields
from elsewhere.store.redis.tasks import CREATE

TASKS, BATCH, ROUNDS = 100_000, 1000, 100
PROJECTS = [f"group{number % 4}/project{number}" for number in range(20)]
TAGS = [f"tag{number}" for number in range(10)]
ENDS = [Status.COMPLETED, Status.STOPPED, Status.CLOSED]
SPEC = TaskSpec(
    Entry("train.py", arguments=("--lr", "0.1", "--epochs", "90")),
    Source("https://example.com/team/work.git", "c" * 40, "main"),
    Packages("3.11.7", tuple(f"package{number}==1.{number}.0" for number in range(12))),
)


def main() -> None:
    with stage() as here:
        store, server = here.store, redis.Redis.from_url(here.url)
        before = memory(server)
        begun = time.perf_counter()
        fill(server)
        took = time.perf_counter() - begun
        each = (memory(server) - before) / TASKS
        indexes = sum(
            cast(int, server.memory_usage(key, samples=0)) for key in server.scan_iter("elsewhere:index:*")
        )
        print(
            f"{TASKS:,} tasks stored in {took:.0f} s; {each:,.0f} bytes of the server's memory a task, "
            f"{indexes / TASKS:,.0f} of them in indexes",
            flush=True,
        )
        floor = measured(lambda: by_hand(server))
        project, tag = PROJECTS[3], Words(all=(TAGS[2],))
        ask = [
            ("all, newest change first", Query()),
            ("project, status, tag", Query(project=project, statuses=(Status.COMPLETED,), tags=tag)),
            (
                "project with sub-projects, status, tag",
                Query(project="group3", subprojects=True, statuses=(Status.COMPLETED,), tags=tag),
            ),
            ("status and not archived", Query(statuses=(Status.COMPLETED,), system_tags=Words(none=("archived",)))),
            ("two tags, by name", Query(tags=Words(all=(TAGS[1], TAGS[2])), order_by="name")),
            ("project, status, tag, name regex", Query(project=project, statuses=(Status.COMPLETED,), tags=tag, name="7$")),
            ("name regex alone, one in 1,000", Query(name="77.$")),
            ("name regex alone, that fits none", Query(name="^nobody$")),
        ]  # fmt: skip
        for name, query in ask:
            tell(name, measured(lambda query=query: page(store, query), 20 if query.name else ROUNDS), floor)
        os.environ["ELSEWHERE_REDIS_URL"] = here.url
        tell(
            "by Task.get_tasks, project, status, tag, with the names",
            measured(lambda: by_task(project)),
            floor,
        )


def fill(server: redis.Redis) -> None:
    """Tasks of several projects, statuses and tags, in pipelines of the store's own scripts."""
    chance = random.Random(7)
    create, move = server.script_load(CREATE.text), server.script_load(MOVE.text)
    for start in range(0, TASKS, BATCH):
        pipeline = server.pipeline(transaction=False)
        for number in range(start, start + BATCH):
            task_id = identity.new_id()
            tags = tuple(chance.sample(TAGS, 2))
            new = NewTask(chance.choice(PROJECTS), f"run {number:06}", SPEC, {"Args/lr": 0.1}, tags=tags)
            pipeline.evalsha(create, 1, keys.task(task_id), task_id, *flat(new_fields(new)))
            end = chance.choice([Status.CREATED, *ENDS])
            if end is Status.COMPLETED:
                pipeline.evalsha(move, 1, keys.task(task_id), task_id, "created", "in_progress", "", "")
                pipeline.evalsha(move, 1, keys.task(task_id), task_id, "in_progress", "completed", "", "0")
            elif end is not Status.CREATED:
                pipeline.evalsha(move, 1, keys.task(task_id), task_id, "created", end.value, "", "")
        pipeline.execute()


def memory(server: redis.Redis) -> int:
    return int(cast("dict[str, int]", server.info("memory"))["used_memory"])


def by_hand(server: redis.Redis) -> None:
    ids = cast("list[bytes]", server.zrevrange(keys.UPDATED, 0, 49))
    pipeline = server.pipeline(transaction=False)
    for task_id in ids:
        pipeline.hgetall(keys.task(task_id.decode()))
    assert len(pipeline.execute()) == 50


def page(store: RedisStore, query: Query) -> None:
    store.records(store.query(query).ids)


def by_task(project: str) -> None:
    wanted = {"status": ["completed"], "page": 0, "page_size": 50}
    found = Task.get_tasks(project_name=project, tags=[TAGS[2]], task_filter=wanted)
    assert len([task.name for task in found]) == 50


def measured(work: Callable[[], None], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of each round, the first of which is not counted."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)


def tell(name: str, ours: list[float], floor: list[float]) -> None:
    mine, least = statistics.median(ours), statistics.median(floor)
    worst = ours[min(len(ours) - 1, int(len(ours) * 0.99))]
    print(
        f"page of 50, {name}: {mine:.1f} ms, p99 {worst:.1f} ms, floor {least:.1f} ms, "
        f"ratio {mine / least:.1f}  (aim <= 50 ms)",
        flush=True,
    )


if __name__ == "__main__":
    main()
