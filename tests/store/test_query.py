"""Queries answer as a look at every record would, on every store alike."""

from __future__ import annotations

import re

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from store.conftest import MakeStore

from elsewhere.contract import keys
from elsewhere.contract.edit import ARCHIVED, Edit
from elsewhere.contract.errors import UsageError
from elsewhere.contract.query import Page, Query, Words
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.protocol import Store
from elsewhere.store.redis import RedisStore, search

SPEC = TaskSpec(Entry("train.py"))
PROJECTS = ("p", "p/q", "p/q/r", "pq", "ü")
TYPES = ("training", "testing", "other")
TAGS = ("a", "b", "c/d")
NAMES = ("svm", "svm 2", "Ärger", "")


def naive(records: list[TaskRecord], query: Query) -> Page:
    """What a query must answer, written as its documentation reads."""

    def words(have: tuple[str, ...], want: Words) -> bool:
        return (
            all(word in have for word in want.all)
            and (want.any == () or any(word in have for word in want.any))
            and not any(word in have for word in want.none)
        )

    def fits(task: TaskRecord) -> bool:
        projects = {*query.projects} | ({query.project} - {None})
        below = query.subprojects and any(task.project.startswith(f"{project}/") for project in projects)
        return (
            (query.ids == () or task.id in query.ids)
            and (not projects or task.project in projects or below)
            and (query.statuses == () or task.status in query.statuses)
            and task.status not in query.not_statuses
            and (query.types == () or task.type in query.types)
            and task.type not in query.not_types
            and words(task.tags, query.tags)
            and words(task.system_tags, query.system_tags)
            and query.parent in (None, task.parent)
            and query.exact_name in (None, task.name)
            and re.search(query.name, task.name) is not None
            and (re.search(query.text, task.name) or re.search(query.text, task.comment)) is not None
        )

    field = query.order_by.lstrip("-")
    found = sorted(filter(fits, records), key=lambda task: (getattr(task, field), task.id))
    if query.order_by.startswith("-"):
        found.reverse()
    page = found[query.offset : query.offset + query.limit]
    return Page(tuple(task.id for task in page), len(found) > query.offset + query.limit)


some = st.lists
word_conditions = st.builds(
    Words,
    all=some(st.sampled_from(TAGS), max_size=2).map(tuple),
    any=some(st.sampled_from((*TAGS, "nobody's")), max_size=3).map(tuple),
    none=some(st.sampled_from(TAGS), max_size=1).map(tuple),
)
queries = st.builds(
    Query,
    project=st.sampled_from((None, None, *PROJECTS)),
    projects=st.sampled_from(((), (), PROJECTS[1:3], PROJECTS[-1:])),
    subprojects=st.booleans(),
    exact_name=st.sampled_from((None, None, None, *NAMES)),
    name=st.sampled_from(("", "", "^svm", "[0-9]$")),
    text=st.sampled_from(("", "", "2|good")),
    statuses=some(st.sampled_from(list(Status)), max_size=3).map(tuple),
    not_statuses=some(st.sampled_from(list(Status)), max_size=2).map(tuple),
    types=some(st.sampled_from(TYPES), max_size=2).map(tuple),
    not_types=some(st.sampled_from(TYPES), max_size=1).map(tuple),
    tags=word_conditions,
    system_tags=st.sampled_from([Words(), Words(none=(ARCHIVED,)), Words(all=(ARCHIVED,))]),
    order_by=st.sampled_from(("created", "-created", "updated", "-updated", "name", "-name")),
    limit=st.integers(0, 12),
    offset=st.integers(0, 5),
)
news = st.builds(
    NewTask,
    st.sampled_from(PROJECTS),
    st.sampled_from(NAMES),
    st.just(SPEC),
    type=st.sampled_from(TYPES),
    tags=some(st.sampled_from(TAGS), max_size=3).map(tuple),
    comment=st.sampled_from(("", "good")),
)
edits = st.builds(
    Edit,
    name=st.none() | st.sampled_from(NAMES[:3]),
    project=st.none() | st.sampled_from(PROJECTS),
    type=st.none() | st.sampled_from(TYPES),
    comment=st.sampled_from((None, "", "good")),
    tags=st.none() | some(st.sampled_from(TAGS), max_size=2).map(tuple),
    add_tags=some(st.sampled_from(TAGS), max_size=1).map(tuple),
    remove_tags=some(st.sampled_from(TAGS), max_size=1).map(tuple),
    add_system_tags=st.sampled_from([(), (ARCHIVED,)]),
    remove_system_tags=st.sampled_from([(), (ARCHIVED,)]),
)
moves = some(st.sampled_from(list(Status)), max_size=3)


def live(store: Store, new: NewTask, edit: Edit | None, targets: list[Status], fate: str) -> None:
    """Take a task along whatever of these moves is legal."""
    task = store.create(new)
    for target in targets:
        status = store.get(task.id).status
        if target is Status.QUEUED and status is Status.CREATED:
            store.enqueue(task.id, "q")
        elif target is not Status.QUEUED and target in legal(status):
            store.move(task.id, target, expected=status)
    if edit is not None:
        store.edit(task.id, edit)
    if fate == "cloned":
        store.clone(task.id)
    if fate == "deleted":
        store.delete(task.id, force=True)


def legal(status: Status) -> frozenset[Status]:
    from elsewhere.contract.status import LEGAL_MOVES

    return LEGAL_MOVES[status]


def everything(store: Store) -> list[TaskRecord]:
    return store.newest(limit=10_000)


def simple_queries(records: list[TaskRecord]) -> list[Query]:
    """One for each index, so that none is left out by chance."""
    return [
        Query(ids=tuple(task.id for task in records[::2])),
        *(Query(parent=task.id) for task in records),
        *(Query(statuses=(status,)) for status in Status),
        *(Query(project=project, subprojects=True, order_by="name") for project in PROJECTS),
        Query(projects=PROJECTS[1:3]),
        *(Query(exact_name=name) for name in NAMES),
        *(Query(types=(kind,), order_by="created") for kind in TYPES),
        *(Query(tags=Words(all=(tag,)), order_by="-created") for tag in TAGS),
        Query(system_tags=Words(any=(ARCHIVED,))),
    ]


@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    lives=some(
        st.tuples(news, st.none() | edits, moves, st.sampled_from(["", "", "cloned", "deleted"])), max_size=8
    ),
    asked=some(queries, min_size=1, max_size=15),
    few=st.sampled_from([0, 2, search.FEW]),
    window=st.sampled_from([1, 3, search.WINDOW]),
)
def test_a_query_answers_as_a_look_at_every_record_would(
    make_store: MakeStore, lives: list, asked: list[Query], few: int, window: int
) -> None:
    """Also where few tasks are taken for many, so that both ways to a page are gone."""
    store = make_store()
    if isinstance(store, RedisStore):
        store.connection.flushdb()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FEW", few)
        patch.setattr(search, "WINDOW", window)
        # What mends the indexes after older versions would hide that a move leaves them wrong.
        patch.setattr(search, "index_missing", lambda connection: False)
        patch.setattr(search, "index_moved", lambda connection: None)
        for one in lives:
            live(store, *one)
        records = everything(store)
        for query in asked:
            assert store.query(query) == naive(records, query), query
        for query in simple_queries(records):
            assert store.query(query) == naive(records, query), query


def test_pages_have_no_end_but_the_last_task(store: Store) -> None:
    ids = [store.create(NewTask("p", f"n{number:04}", SPEC)).id for number in range(120)]
    assert store.query(Query(limit=10_000, order_by="created")) == Page(tuple(ids), False)
    assert store.query(Query(limit=50, offset=50, order_by="name")) == Page(tuple(ids[50:100]), True)
    assert store.query(Query(limit=50, offset=100, order_by="-created")) == Page(tuple(ids[19::-1]), False)
    assert [task.id for task in store.records([ids[3], "0" * 32, ids[1]])] == [ids[3], ids[1]]


def test_an_exact_name_is_no_other_that_begins_or_ends_so(store: Store) -> None:
    ids = {
        name: store.create(NewTask("p", name, SPEC)).id
        for name in ("svm", "svm\0", "svm\0\1", "Svm", "svm ", "")
    }
    for name, task_id in ids.items():
        assert store.query(Query(exact_name=name)).ids == (task_id,)
    assert store.query(Query(exact_name="sv")).ids == ()


def test_a_query_that_makes_no_sense_is_refused(store: Store) -> None:
    for query in (
        Query(name="("),
        Query(text="*"),
        Query(limit=-1),
        Query(offset=-1),
        Query(order_by="size"),
    ):  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            store.query(query)


def test_a_pattern_that_backtracks_for_ever_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elsewhere.store import query_rules

    monkeypatch.setattr(query_rules.Patterns.__init__, "__defaults__", (0.2,))
    store.create(NewTask("p", "a" * 200 + "!", SPEC))
    with pytest.raises(UsageError, match="too long"):
        store.query(Query(name=r"^(a|aa)+$"))


def unindexed(connection: redis.Redis) -> None:
    """The database as a version without indexes would have left it."""
    for key in connection.scan_iter("elsewhere:index:*"):
        connection.delete(key)
    for key in connection.scan_iter("elsewhere:task:*"):
        if key.count(b":") == 2:
            connection.hdel(key, "updated", "type", "tags")


def test_tasks_from_before_the_indexes_are_found_and_have_defaults(redis_url: str) -> None:
    store = RedisStore(redis_url)
    first, second = (store.create(NewTask("p/q", name, SPEC)).id for name in "ab")
    store.move(first, Status.CLOSED, expected=Status.CREATED)
    unindexed(store.connection)
    old = store.get(first)
    assert (old.type, old.tags, old.progress, old.updated) == ("training", (), None, old.ended)
    # One is moved before anybody asks: by that it is indexed, and the other is when somebody does.
    store.move(second, Status.IN_PROGRESS, expected=Status.CREATED)
    assert store.query(Query(project="p", subprojects=True, statuses=(Status.CLOSED,))).ids == (first,)
    assert store.query(Query(types=("training",), order_by="name")).ids == (first, second)


def test_what_an_older_version_moved_or_lost_is_found_as_it_stands(redis_url: str) -> None:
    store = RedisStore(redis_url)
    moved, lost = (store.create(NewTask("p", "n", SPEC)).id for _ in range(2))
    store.enqueue(moved, "q")
    store.connection.hset(keys.task(moved), "status", "completed")
    store.connection.delete(keys.task(lost))
    store.connection.zrem(keys.UPDATED, lost)
    asking = RedisStore(redis_url)
    assert asking.query(Query(statuses=(Status.QUEUED,))).ids == ()
    assert asking.query(Query(statuses=(Status.COMPLETED,))).ids == (moved,)
    assert asking.query(Query()).ids == (moved,)
