"""Queries: ids found by the indexes, in windows, so that no single answer is large.

Two ways lead to a page. Where few tasks can match, because one condition or several together
hold for few, those are fetched and sorted. Otherwise many match, and the first page is near the
beginning of whatever set has the wanted order: that is walked until the page is full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.contract.query import Page, Query
from elsewhere.contract.status import Status
from elsewhere.store.query_rules import Patterns, check_query, wanted_projects, wanted_statuses
from elsewhere.store.redis.connection import answering
from elsewhere.store.script import Argument, Script

INDEX_TASKS = Script(__file__, "index_tasks.lua")
TEXTS = Script(__file__, "texts.lua")
FILTER = Script(__file__, "filter.lua")
WALK = Script(__file__, "walk.lua")

FEW = 4096
"""Tasks that are fetched and sorted at once."""
WINDOW = 1024
"""Tasks looked at in one go by whatever goes on for long: the server serves others in between."""
ID_LENGTH = 32


@dataclass(frozen=True)
class Conditions:
    """What a query asks of the indexes."""

    every: tuple[tuple[str, ...], ...]
    """Sets by their keys: of each group, a task is in one at least."""
    none: tuple[str, ...]
    """Sets that a task is in none of."""

    @classmethod
    def of(cls, query: Query) -> Conditions:
        """The conditions of a query; its ids and patterns are for others to look at."""
        groups: list[Iterable[str]] = []
        projects = wanted_projects(query)
        if projects:
            below = map(keys.indexed_below, projects) if query.subprojects else ()
            groups.append([*map(keys.indexed_project, projects), *below])
        statuses = wanted_statuses(query)
        if statuses is not None:
            groups.append(keys.indexed_status(status.value) for status in statuses)
        if query.types:
            groups.append(map(keys.indexed_type, query.types))
        none = [*map(keys.indexed_type, query.not_types)]
        for words, key_of in ((query.tags, keys.indexed_tag), (query.system_tags, keys.indexed_system_tag)):
            groups += ([key_of(word)] for word in words.all)
            if words.any:
                groups.append(map(key_of, words.any))
            none += map(key_of, words.none)
        if query.parent is not None:
            groups.append([keys.indexed_parent(query.parent)])
        return cls(tuple(tuple(dict.fromkeys(group)) for group in groups), tuple(none))

    @property
    def singles(self) -> list[str]:
        """Sets that every task asked for is in."""
        return list(dict.fromkeys(group[0] for group in self.every if len(group) == 1))

    @property
    def words(self) -> list[Argument]:
        """Them as ``conditions.lua`` reads them."""
        groups: list[Argument] = []
        for group in self.every:
            groups += [len(group), *group]
        return [len(self.every), *groups, len(self.none), *self.none]

    def fulfilled(self, connection: redis.Redis, ids: list[str]) -> list[str]:
        """Those of some tasks that fulfil them, in order."""
        if not ids or not (self.every or self.none):
            return ids
        return _texts(FILTER.run(connection, (), [*self.words, *ids]))


def find(connection: redis.Redis, query: Query) -> Page:
    """The page that a query asks for."""
    check_query(query)
    patterns, conditions = Patterns(query), Conditions.of(query)
    found = _found(connection, query, conditions, patterns)
    page = list(islice(found, query.offset, query.offset + query.limit + 1))
    return Page(tuple(page[: query.limit]), len(page) > query.limit)


def index_missing(connection: redis.Redis) -> bool:
    """Index what was stored by a version that knew no indexes; whether there was anything."""
    with answering(connection):
        pipeline = connection.pipeline(transaction=False)
        pipeline.zcard(keys.TASKS)
        pipeline.zcard(keys.UPDATED)
        held, indexed = pipeline.execute()
        if held == indexed:
            return False
        missing = _texts(connection.zdiff([keys.TASKS, keys.UPDATED]))
        gone = _texts(connection.zdiff([keys.UPDATED, keys.TASKS]))
    _index(connection, [*missing, *gone])
    return True


def index_moved(connection: redis.Redis) -> None:
    """Index anew what such a version has moved: the oldest of those that seem to wait or to run."""
    for status in (Status.QUEUED, Status.IN_PROGRESS):
        with answering(connection):
            ids = _texts(connection.zrange(keys.indexed_status(status.value), 0, WINDOW - 1))
        _index(connection, ids)


def _index(connection: redis.Redis, ids: list[str]) -> None:
    for window in _windows(ids):
        INDEX_TASKS.run(connection, (), window)


def _found(
    connection: redis.Redis, query: Query, conditions: Conditions, patterns: Patterns
) -> Iterator[str]:
    for fulfil in _fulfilling(connection, query, conditions):
        if not patterns:
            yield from fulfil
        elif fulfil:
            texts = TEXTS.run(connection, (), fulfil)
            for task_id, name, comment in zip(fulfil, texts[::2], texts[1::2], strict=True):
                if patterns.match(name.decode(), comment.decode()):
                    yield task_id


def _fulfilling(connection: redis.Redis, query: Query, conditions: Conditions) -> Iterator[list[str]]:
    """All tasks that fulfil the conditions, in the query's order, window by window."""
    few = _few(connection, query, conditions)
    if few is not None:
        # Ordered after they were chosen: fewer are left by then.
        left = [one for window in _windows(few) for one in conditions.fulfilled(connection, window)]
        return _windows(_ordered(connection, left, query.order_by))
    order, reverse = query.order_by.removeprefix("-"), query.order_by.startswith("-")
    if order == "name":
        return (conditions.fulfilled(connection, window) for window in _walk_names(connection, reverse))
    if order == "updated":
        return _walk(connection, keys.UPDATED, reverse, conditions)
    # Each set has this order itself.
    smallest = min(_sizes(connection, conditions.singles).items(), key=lambda item: item[1], default=None)
    return _walk(connection, smallest[0] if smallest else keys.TASKS, reverse, conditions)


def _few(connection: redis.Redis, query: Query, conditions: Conditions) -> list[str] | None:
    """The tasks that may match, where they are few."""
    if query.ids:
        return list(dict.fromkeys(query.ids))
    if query.exact_name is not None:
        named = _named(connection, query.exact_name)
        if len(named) <= FEW:
            return named
    sizes = _sizes(connection, [key for group in conditions.every for key in group])
    groups = sorted(conditions.every, key=lambda group: sum(sizes[key] for key in group))
    if groups and sum(sizes[key] for key in groups[0]) <= FEW:
        with answering(connection):
            pipeline = connection.pipeline(transaction=False)
            for key in groups[0]:
                pipeline.zrange(key, 0, -1)
            return list(dict.fromkeys(task_id for ids in pipeline.execute() for task_id in _texts(ids)))
    singles = sorted(conditions.singles, key=lambda key: sizes[key])
    if len(singles) < 2:
        return None
    with answering(connection):
        # Counted first: the counting stops when they are many.
        if connection.zintercard(len(singles), singles, limit=FEW + 1) > FEW:
            return None
        return _texts(cast("list[bytes]", connection.zinter(singles)))


def _named(connection: redis.Redis, name: str) -> list[str]:
    """Tasks of that name, and of names that only a zero character follows; one more than few at most."""
    scan: Any = connection  # whose types know no bounds but ranks
    start, end = f"[{name}\0".encode(), f"({name}\1".encode()
    with answering(connection):
        members = scan.zrange(keys.NAMES, start, end, bylex=True, offset=0, num=FEW + 1)
    return [member[-ID_LENGTH:].decode() for member in members]


def _ordered(connection: redis.Redis, ids: list[str], order_by: str) -> list[str]:
    order, reverse = order_by.removeprefix("-"), order_by.startswith("-")
    ranks: list[tuple[Any, str]] = []
    for window in _windows(ids):
        with answering(connection):
            scores = connection.zmscore(keys.TASKS if order == "created" else keys.UPDATED, window)
        names = TEXTS.run(connection, (), window)[::2] if order == "name" else []
        for at, (task_id, score) in enumerate(zip(window, scores, strict=True)):
            if score is not None:
                ranks.append((names[at] + b"\0" + task_id.encode() if names else score, task_id))
    return [task_id for _, task_id in sorted(ranks, reverse=reverse)]


def _walk(connection: redis.Redis, key: str, reverse: bool, conditions: Conditions) -> Iterator[list[str]]:
    """A set by its scores. From score to score, not from rank to rank: it changes meanwhile."""
    score, passed = (b"+inf" if reverse else b"-inf"), 0
    seen: set[str] = set()
    words = conditions.words
    while True:
        answer = WALK.run(connection, (), [key, "1" if reverse else "", score, passed, WINDOW, *words])
        if not answer:
            return
        score, passed = answer[0], int(answer[1])
        fresh = [task_id for task_id in _texts(answer[2:]) if task_id not in seen]
        seen.update(fresh)
        yield fresh


def _walk_names(connection: redis.Redis, reverse: bool) -> Iterator[list[str]]:
    last: bytes | None = None
    seen: set[str] = set()
    scan: Any = connection  # whose types know no bounds but ranks
    end = b"-" if reverse else b"+"
    while True:
        start: Any = (b"+" if reverse else b"-") if last is None else b"(" + last
        with answering(connection):
            window: list[bytes] = scan.zrange(
                keys.NAMES, start, end, desc=reverse, bylex=True, offset=0, num=WINDOW
            )
        if not window:
            return
        last = window[-1]
        ids = [member[-ID_LENGTH:].decode() for member in window]
        fresh = [task_id for task_id in ids if task_id not in seen]
        seen.update(fresh)
        yield fresh


def _windows(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW))


def _sizes(connection: redis.Redis, sets: Sequence[str]) -> dict[str, int]:
    with answering(connection):
        pipeline = connection.pipeline(transaction=False)
        for key in sets:
            pipeline.zcard(key)
        return dict(zip(sets, pipeline.execute(), strict=True))


def _texts(members: Iterable[Any]) -> list[str]:
    return [member.decode() for member in members]
