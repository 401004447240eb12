"""Finding tasks by what people know of them: ``get_task``, ``get_tasks``, ``query_tasks``."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elsewhere import Task
from elsewhere.contract.edit import ARCHIVED, Edit
from elsewhere.contract.errors import AmbiguousTask, TaskNotFound, UsageError
from elsewhere.contract.spec import Entry, Source, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.finding.search import find_ids
from elsewhere.finding.wanted import read_wanted
from elsewhere.finding.words import for_indexes, read_words
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk

SPEC = TaskSpec(Entry("train.py"))


def make(store: RedisStore, name: str, project: str = "digits", **more: object) -> str:
    return store.create(NewTask(project, name, SPEC, **more)).id  # type: ignore[arg-type]


def names(tasks: list[Task]) -> list[str]:
    return [task.name for task in tasks]


class TestOne:
    """``get_task``."""

    def test_is_found_by_its_id_and_by_the_first_digits_of_it(self, server: RedisStore) -> None:
        made = server.create(NewTask("digits", "svm", SPEC), task_id="ab" * 16).id
        server.create(NewTask("digits", "other", SPEC), task_id="ac" * 16)
        for written in (made, made[:3], f" {made.upper()} "):
            found = Task.get_task(task_id=written)
            assert found is not None
            assert (found.id, found.name) == (made, "svm")
        with pytest.raises(AmbiguousTask):
            Task.get_task(task_id="a")
        with pytest.raises(TaskNotFound):
            Task.get_task(task_id="b" * 32)

    def test_is_the_last_modified_of_that_very_name_and_project(self, server: RedisStore) -> None:
        first = make(server, "svm (1.0)")
        make(server, "svm (1.0)")
        make(server, "svm (1.0) again")
        make(server, "svm (1.0)", project="digits/sub")
        server.edit(first, Edit(comment="touched"))
        found = Task.get_task(project_name="digits", task_name="svm (1.0)")
        assert found is not None
        assert found.id == first
        assert Task.get_task(project_name="digits", task_name="svm") is None
        assert Task.get_task(project_name="nobody's") is None

    def test_is_an_archived_one_only_where_there_is_no_other(self, server: RedisStore) -> None:
        live, archived = make(server, "svm"), make(server, "svm")
        server.edit(archived, Edit(add_system_tags=(ARCHIVED,)))
        found = Task.get_task(task_name="svm")
        assert found is not None
        assert found.id == live
        server.delete(live)
        found = Task.get_task(task_name="svm")
        assert found is not None
        assert found.id == archived
        assert Task.get_task(task_name="svm", allow_archived=False) is None

    def test_must_be_asked_for(self, server: RedisStore) -> None:
        make(server, "svm")
        with pytest.raises(UsageError, match="which task"):
            Task.get_task()

    def test_of_this_process_is_the_one_in_hand(self, repository: Desk, valkey_url: str) -> None:
        ran = repository.run(
            "import json\n"
            "from elsewhere import Task\n"
            "first = Task.init(project_name='digits', task_name='svm')\n"
            "second = Task.init(project_name='digits', task_name='tree')\n"
            "found = [Task.get_task(first.id) is first, Task.get_task(task_id=second.id) is second]\n"
            "first.set_comment('told')\n"
            "found += [task is first or task is second for task in Task.get_tasks([first.id, second.id])]\n"
            "print(json.dumps(found))\n",
            ELSEWHERE_REDIS_URL=valkey_url,
        )
        assert ran.said == [True] * 4


class TestAll:
    """``get_tasks``."""

    def test_is_not_cut_at_five_hundred(self, server: RedisStore) -> None:
        made = [make(server, f"run {number}") for number in range(620)]
        assert [task.id for task in Task.get_tasks(task_filter={"order_by": "created"})] == made
        assert Task.query_tasks(task_filter={"order_by": ["-created"]}) == made[::-1]
        page = Task.get_tasks(task_filter={"order_by": "created", "page": 1, "page_size": 50})
        assert [task.id for task in page] == made[50:100]
        assert len(Task.get_tasks(task_filter={"page": 0})) == 500
        assert len(Task.get_tasks(task_filter={"page_size": 7})) == 7

    def test_by_ids_come_in_that_order(self, server: RedisStore) -> None:
        one, two = make(server, "one"), make(server, "two")
        assert names(Task.get_tasks(task_ids=[two, one[:30]])) == ["two", "one"]
        assert names(Task.get_tasks(task_ids=one)) == ["one"]
        assert Task.get_tasks(task_ids=[]) == []
        with pytest.raises(TaskNotFound):
            Task.get_tasks(task_ids=[one, "f" * 32])

    def test_by_projects_and_a_pattern_of_the_name(self, server: RedisStore) -> None:
        for project in ("a", "b", "b/c"):
            for name in ("svm 1", "svm 22", "tree"):
                make(server, name, project)
        assert names(Task.get_tasks(project_name="b")) == ["tree", "svm 22", "svm 1"]
        assert len(Task.get_tasks(project_name=["a", "b", "none"])) == 6
        assert Task.get_tasks(project_name=[]) == []
        assert names(Task.get_tasks(project_name="a", task_name=r"\d\d$")) == ["svm 22"]
        with pytest.raises(UsageError, match="regular expression"):
            Task.get_tasks(task_name="(")

    def test_by_status_and_type(self, server: RedisStore) -> None:
        draft, queued = make(server, "draft"), make(server, "queued", type="testing")
        server.enqueue(queued, "q")
        assert names(Task.get_tasks(task_filter={"status": ["created"]})) == ["draft"]
        assert names(Task.get_tasks(task_filter={"status": ["-created"]})) == ["queued"]
        assert names(Task.get_tasks(task_filter={"status": "queued"})) == ["queued"]
        assert names(Task.get_tasks(task_filter={"status": [Status.QUEUED, Status.CREATED]})) == [
            "queued",
            "draft",
        ]
        assert Task.get_tasks(task_filter={"status": ["__$all", "queued", "created"]}) == []
        assert names(Task.get_tasks(task_filter={"status": ["__$not", "queued"]})) == ["draft"]
        assert names(Task.get_tasks(task_filter={"type": ["testing"]})) == ["queued"]
        assert names(Task.get_tasks(task_filter={"type": ["-testing"]})) == ["draft"]
        assert names(Task.get_tasks(task_filter={"type": ["__$or", "none", "__$not", "testing"]})) == [
            "draft"
        ]
        assert Task.get_tasks(task_filter={"type": ["none"]}) == []
        with pytest.raises(UsageError, match="Did you mean 'completed'"):
            Task.get_tasks(task_filter={"status": ["complete"]})
        assert draft

    def test_by_search_text_parent_and_no_archive(self, server: RedisStore) -> None:
        good, other = make(server, "svm", comment="A good one"), make(server, "good")
        child = make(server, "child", parent=good)
        server.edit(other, Edit(add_system_tags=(ARCHIVED,)))
        assert set(Task.query_tasks(task_filter={"search_text": "goo+d"})) == {good, other}
        assert [t.id for t in Task.get_tasks(allow_archived=False, task_filter={"search_text": "good"})] == [
            good
        ]
        assert Task.query_tasks(task_filter={"parent": good}) == [child]
        for parent in (good[:20], Task.get_task(good)):
            assert Task.query_tasks(task_filter={"parent": parent}) == [child]
            assert Task.query_tasks(task_filter={"id": parent}) == [good]
        assert set(Task.query_tasks(task_filter={"id": [good[:20], child]})) == {good, child}
        assert Task.query_tasks(task_filter={"parent": None, "search_text": "child"}) == [child]
        with pytest.raises(TaskNotFound):
            Task.get_tasks(task_filter={"parent": "nobody"})
        assert Task.query_tasks(task_filter={"system_tags": [ARCHIVED]}) == [other]
        assert set(Task.query_tasks(task_filter={"system_tags": [f"-{ARCHIVED}"]})) == {good, child}

    def test_in_orders_that_the_store_does_not_know(self, server: RedisStore) -> None:
        for name, kind in (("b", "x"), ("a", "y"), ("a", "x")):
            make(server, name, type=kind)
        records = Task.get_tasks(task_filter={"order_by": ["name", "-type"]})
        assert [(task.name, task.task_type) for task in records] == [("a", "y"), ("a", "x"), ("b", "x")]
        started = make(server, "started")
        server.move(started, Status.IN_PROGRESS, expected=Status.CREATED)
        newest = Task.get_tasks(task_filter={"order_by": "-started", "page_size": 2})
        assert names(newest)[0] == "started"
        with pytest.raises(UsageError, match="Did you mean 'last_update'"):
            Task.get_tasks(task_filter={"order_by": ["-last_updat"]})

    @pytest.mark.parametrize(
        ("task_filter", "says"),
        [
            ({"statu": ["created"]}, "Did you mean 'status'"),
            ({"tags": ["__$nor", "a"]}, "Did you mean"),
            ({"tags": ["a", "__$not"]}, "a word is missing"),
            ({"tags": ["__$not", "__$or", "a"]}, "a word is missing"),
            ({"tags": [1]}, "must be texts"),
            ({"page": -1}, "whole number"),
            ({"page_size": 0}, "whole number"),
            ({"search_text": ["a"]}, "must be a text"),
        ],
    )
    def test_conditions_that_make_no_sense_are_refused(
        self, task_filter: dict[str, object], says: str, server: RedisStore
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(says)):
            Task.get_tasks(task_filter=task_filter)


TAGS = {
    "a": ("a",),
    "b": ("b",),
    "ab": ("a", "b"),
    "abc": ("a", "b", "c"),
    "c": ("c",),
    "none": (),
}


def test_pages_of_what_the_indexes_do_not_know_fit_together(server: RedisStore) -> None:
    made = [make(server, f"run {number % 3}", tags=("a",) if number % 2 else ("b",)) for number in range(9)]
    pages: dict[str, list[str]] = {"by tags": [], "by order": []}
    for page in range(4):
        more = {"page": page, "page_size": 3}
        asked = {"tags": ["__$or", "a", "__$not", "c"], "order_by": "created", **more}
        pages["by tags"] += Task.query_tasks(task_filter=asked)  # type: ignore[arg-type]
        pages["by order"] += Task.query_tasks(task_filter={"order_by": ["name", "created"], **more})  # type: ignore[arg-type]
    assert pages["by tags"] == made
    assert pages["by order"] == [*made[::3], *made[1::3], *made[2::3]]


class TestTags:
    """Words with operators."""

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (["a"], "a ab abc"),
            (["a", "c"], "a ab abc c"),
            (["a", "-b"], "a"),
            (["-a"], "b c none"),
            (["__$all", "a", "b"], "ab abc"),
            (["__$all", "a", "__$not", "c"], "a ab"),
            (["__$and", "a", "b", "-c"], "ab"),
            (["__$or", "c", "__$not", "a"], "b c none abc"),
            (["__$all", "a", "__$or", "b", "c"], "ab abc"),
            (["__$all", "a", "b", "__$or", "c", "__$not", "b", "__$and"], "abc"),
            (["__$and", "__$or", "a", "c", "__$or", "b", "c"], "ab abc c"),
            (["__$or", "a", "__$all", "b", "c"], "a ab abc"),
            (["__$all"], "a b ab abc c none"),
        ],
    )
    def test_ask_as_their_documentation_says(self, asked: list[str], found: str, server: RedisStore) -> None:
        for name, tags in TAGS.items():
            make(server, name, tags=tags)
        assert set(names(Task.get_tasks(tags=asked))) == set(found.split())
        assert set(names(Task.get_tasks(task_filter={"tags": asked}))) == set(found.split())

    def test_both_lists_must_hold(self, server: RedisStore) -> None:
        for name, tags in TAGS.items():
            make(server, name, tags=tags)
        assert set(names(Task.get_tasks(tags=["a", "b"], task_filter={"tags": ["c", "d"]}))) == {"abc"}

    words = st.sampled_from(["a", "b", "c", "-a", "-b", "__$all", "__$or", "__$and", "__$any"])
    negated = st.sampled_from("abc").map(lambda word: ["__$not", word])
    lists = st.lists(words.map(lambda word: [word]) | negated, max_size=7).map(lambda parts: [*chain(*parts)])

    @settings(max_examples=300)
    @given(asked=lists, also=lists)
    def test_what_the_indexes_answer_is_what_the_list_says(self, asked: list[str], also: list[str]) -> None:
        store = MemoryStore()
        made = {store.create(NewTask("p", name, SPEC, tags=tags)).id: tags for name, tags in TAGS.items()}
        wanted = read_wanted(tags=asked, task_filter={"tags": also})
        lists = [read_words("tags", asked), read_words("tags", also)]
        said = {task_id for task_id, tags in made.items() if all(one.holds(tags) for one in lists)}
        assert set(find_ids(store, wanted)) == said

    def test_common_lists_are_left_to_the_indexes(self) -> None:
        for asked in (
            ["a", "b"],
            ["a", "-b"],
            ["__$all", "a", "b", "__$not", "c"],
            ["__$all", "a", "__$or", "b"],
        ):
            assert for_indexes([read_words("tags", asked)])[1] == []


def test_fields_of_tasks_come_as_plain_data(server: RedisStore) -> None:
    spec = TaskSpec(Entry("train.py"), source=Source(repository="https://example.org/r", commit="c" * 40))
    made = server.create(NewTask("digits", "svm", spec, {"Args/lr": 0.5}, tags=("a",)))
    asked = ["name", "status", "tags", "last_update", "script.repository", "script.version_num"]
    asked += ["hyperparams.Args.lr", "parent", "parameters", "spec.entry.nothing"]
    (found,) = Task.query_tasks(project_name="digits", additional_return_fields=asked)
    assert found == {
        "id": made.id,
        "name": "svm",
        "status": "created",
        "tags": ["a"],
        "last_update": made.updated,
        "script.repository": "https://example.org/r",
        "script.version_num": "c" * 40,
        "hyperparams.Args.lr": 0.5,
        "parent": None,
        "parameters": {"Args/lr": 0.5},
        "spec.entry.nothing": None,
    }
    with pytest.raises(UsageError, match="Did you mean 'last_update'"):
        Task.query_tasks(additional_return_fields=["last_updated"])


def test_an_attempt_without_a_server_finds_itself_and_no_other(desk: Desk) -> None:
    ran = desk.attempt(
        "import os, json\n"
        "from elsewhere import Task\n"
        "own = Task.get_task(task_id=os.environ['ELSEWHERE_TASK_ID'])\n"
        "try:\n    Task.get_tasks()\n"
        "except Exception as error:\n    said = f'{type(error).__name__}: {error}'\n"
        "print(json.dumps([own.name, said]))\n"
    )
    name, said = ran.said
    assert name == "svm"
    assert said.startswith("UsageError: an attempt reaches its own task only")
