"""Tasks are made of tasks: cloned, and exported as a dict that makes the same task again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from elsewhere import Task
from elsewhere.contract.edit import ARCHIVED, Configuration, ParameterInfo, Property
from elsewhere.contract.errors import CorruptBlob, IllegalMove, SchemaError, TaskNotFound, UsageError
from elsewhere.contract.spec import Entry, Image, Packages, Source, Submodule, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.contract.terms import Terms
from elsewhere.export import LARGEST_BLOB
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk

FIELDS = tuple(NewTask.__dataclass_fields__)
PARAMETERS = {
    "Args/lr": 0.5,
    "Args/none": None,
    "Args/nan": float("inf"),
    "General/nested": {"a": [1, True, "x", {}]},
}


def rich(store: RedisStore) -> Task:
    """A task that has something of everything."""
    source = Source(
        repository="https://example.org/r",
        commit="c" * 40,
        diff=store.put_blob(b"--- a\n+++ b\n"),
        submodules=(
            Submodule(
                "sub",
                Source(commit="d" * 40, untracked=store.put_blob(b"\0\xff")),
            ),
        ),
    )
    spec = TaskSpec(
        Entry("train.py", arguments=("--lr", "0.5")),
        source,
        Packages("3.11.7", ("numpy==2.0",)),
        Image("python:3.12", ("--shm-size", "8g")),
    )
    new = NewTask(
        "digits/small",
        "svm ☃",
        spec,
        PARAMETERS,
        overrides=("Args/lr",),
        terms=Terms(priority=5),
        type="testing",
        tags=("a", "b"),
        system_tags=(ARCHIVED,),
        comment="good",
        properties={"owner": Property("Ada", "str", "who")},
        parameter_info={"Args/lr": ParameterInfo("float", "rate", ("0.5", "1"))},
    )
    record = store.create(new)
    for name, data, suffix in (("model", b"depth: 3\n", ".yaml"), ("table", b"\x80\x81", ".bin")):
        store.set_configuration(record.id, name, Configuration(store.put_blob(data), suffix, f"the {name}"))
    (task,) = Task.get_tasks([record.id])
    return task


def as_new(record: TaskRecord, *without: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in FIELDS if name not in without}


def configurations(store: RedisStore, task: Task) -> dict[str, tuple[bytes, str, str]]:
    kept = store.configurations(task.id)
    return {name: (store.get_blob(one.blob), one.suffix, one.description) for name, one in kept.items()}


@pytest.fixture
def other(valkey: Any) -> Iterator[RedisStore]:
    """Another server, which has none of these blobs."""
    opened = RedisStore(valkey.fresh_url())
    yield opened
    opened.close()


def go_to(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.connection.connection_pool.connection_kwargs
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", f"unix://{path['path']}?db={path['db']}")


class TestClone:
    """``Task.clone``."""

    def test_is_a_draft_of_all_that_the_task_runs_with(self, server: RedisStore) -> None:
        task = rich(server)
        clone = Task.clone(task)
        record = server.get(clone.id)
        assert (record.name, record.status, record.parent) == ("Clone Of svm ☃", "created", task.id)
        left_out = ("name", "parent", "properties", "system_tags")
        assert as_new(record, *left_out) == as_new(server.get(task.id), *left_out)
        assert configurations(server, clone) == configurations(server, task)

    def test_is_what_its_arguments_say(self, server: RedisStore) -> None:
        task, other = rich(server), rich(server)
        clone = Task.clone(source_task=task.id[:20], name="n", comment="c", parent=other, project="pets")
        assert (clone.name, clone.comment, clone.parent, clone.project) == ("n", "c", other.id, "pets")
        assert Task.clone(clone, parent=task.id).parent == task.id

    def test_of_a_clone_has_the_parent_of_the_clone(self, server: RedisStore) -> None:
        task = rich(server)
        assert Task.clone(Task.clone(task)).parent == task.id

    def test_of_a_task_that_is_not_there_is_an_error(self, server: RedisStore) -> None:
        with pytest.raises(TaskNotFound):
            Task.clone("f" * 32)
        with pytest.raises(TaskNotFound):
            Task.clone(rich(server), parent="f" * 32)

    def test_of_a_run_at_a_desk_has_all_that_the_run_has_said(
        self, repository: Desk, server: RedisStore
    ) -> None:
        ran = repository.run(
            "import json\n"
            "from elsewhere import Task\n"
            "task = Task.init(project_name='digits', task_name='svm', tags=['a'])\n"
            "for number in range(50):\n    task.set_parameter('General/number', number)\n"
            "task.set_comment('good')\n"
            "copy = Task.clone(task)\n"
            "print(json.dumps([task.id, Task.enqueue(copy, 'night').id]))\n",
            ELSEWHERE_REDIS_URL=os.environ["ELSEWHERE_REDIS_URL"],
        )
        task_id, copy_id = ran.said
        copy = server.get(copy_id)
        assert (copy.name, copy.comment, copy.tags) == ("Clone Of svm", "good", ("a",))
        assert copy.parameters["General/number"] == 49
        assert (copy.parent, copy.queue) == (task_id, "night")


class TestExport:
    """``export_task`` and ``Task.import_task``."""

    def test_makes_the_same_task_again_on_another_server(
        self, server: RedisStore, other: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = rich(server)
        exported = json.loads(json.dumps(task.export_task()))
        go_to(other, monkeypatch)
        made = Task.import_task(exported)
        assert made.id != task.id
        record = other.get(made.id)
        assert as_new(record) == as_new(server.get(task.id))
        assert record.status is Status.CREATED
        assert configurations(other, made) == configurations(server, task)
        diff = record.spec.source.diff
        assert diff is not None
        assert other.get_blob(diff) == b"--- a\n+++ b\n"
        assert {**made.export_task(), "id": ""} == {**exported, "id": ""}

    def test_holds_no_blob_that_is_too_large_and_then_needs_the_server(
        self, server: RedisStore, other: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = server.put_blob(bytes(LARGEST_BLOB + 1))
        made = server.create(NewTask("p", "t", TaskSpec(Entry("t.py"), Source(bundle=large))))
        (task,) = Task.get_tasks([made.id])
        exported = task.export_task()
        assert exported["blobs"] == {}
        assert Task.import_task(exported).id
        go_to(other, monkeypatch)
        with pytest.raises(CorruptBlob):
            Task.import_task(exported)
        assert Task.get_tasks() == []

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"schema": 99}, "schema version 99"),
            ({"schema": None}, "task_data.schema: missing"),
            ({"name": 5}, "task_data.name: expected str, found int 5"),
            ({"spec": {"entry": {}}}, "task_data.spec.entry.script: missing"),
            ({"statuss": 1}, "task_data.statuss: a field that this version does not know"),
            ({"tags": "a"}, "task_data.tags: expected list"),
            ({"configurations": {"m": {}}}, "task_data.configurations.m: either text or base64"),
            ({"configurations": {"m": {"base64": "?"}}}, "task_data.configurations.m: cannot be read"),
        ],
    )
    def test_a_bad_dict_is_an_error_that_names_the_field(
        self, change: dict[str, Any], says: str, server: RedisStore
    ) -> None:
        exported = {**rich(server).export_task(), **change}
        with pytest.raises(SchemaError) as error:
            Task.import_task(exported)
        assert says in str(error.value)
        assert len(Task.query_tasks()) == 1

    def test_what_is_no_dict_or_no_json_is_refused(self, server: RedisStore) -> None:
        with pytest.raises(UsageError, match="must be a dict"):
            Task.import_task([])  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="as JSON"):
            Task.import_task({**rich(server).export_task(), "comment": object()})

    def test_other_bytes_than_the_spec_means_are_refused(self, server: RedisStore) -> None:
        exported = rich(server).export_task()
        exported["blobs"] = {name: {"text": "other"} for name in exported["blobs"]}
        with pytest.raises(CorruptBlob, match="other bytes"):
            Task.import_task(exported)

    def test_takes_the_place_of_a_draft(self, server: RedisStore) -> None:
        task = rich(server)
        new = NewTask("p", "t", TaskSpec(Entry("t.py")), {"Args/gone": 1}, ("Args/gone",), tags=("gone",))
        draft = server.create(replace(new, properties={"gone": Property(1)}))
        server.set_configuration(draft.id, "gone", Configuration(server.put_blob(b"{}")))
        made = Task.import_task(task.export_task(), target_task=draft.id)
        assert made.id == draft.id
        assert as_new(server.get(draft.id), "terms") == as_new(server.get(task.id), "terms")
        assert configurations(server, made) == configurations(server, task)

    def test_updates_what_it_says_and_nothing_else(self, server: RedisStore) -> None:
        task = rich(server)
        before = task.export_task()
        entry = {"entry": {"script": "other.py"}}
        parameters, named = {"Args/new": 1}, {"model": {"text": "depth: 4\n", "suffix": ".yaml"}}
        part = {"schema": 1, "spec": entry, "parameters": parameters, "configurations": named, "tags": ["c"]}
        assert Task.import_task(part, target_task=task, update=True) is task
        before["spec"]["entry"]["script"] = "other.py"
        before["parameters"] |= parameters
        before["configurations"]["model"] |= {"text": "depth: 4\n", "description": ""}
        assert task.export_task() == {**before, "tags": ["c"]}
        assert task.update_task({"comment": "new"}) is True
        assert task.comment == "new"

    def test_changes_what_an_ended_task_says_but_not_what_it_ran(self, server: RedisStore) -> None:
        task = rich(server)
        server.move(task.id, Status.CLOSED, expected=Status.CREATED)
        task.update_task({"name": "renamed"})
        assert task.name == "renamed"
        with pytest.raises(IllegalMove):
            task.update_task({"spec": {"entry": {"script": "other.py"}}})
        with pytest.raises(UsageError, match="needs a task"):
            Task.import_task({}, update=True)


IN_AN_ATTEMPT = """
import json
from elsewhere import Task
task = Task.init()
task.set_configuration_object("model", config_text="depth: 3")
exported = task.export_task()
try:
    Task.import_task(exported, target_task=task)
except Exception as error:
    print(type(error).__name__, error)
print(json.dumps(exported))
"""


def test_an_attempt_exports_itself_without_a_server(
    desk: Desk, server: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = desk.attempt(IN_AN_ATTEMPT, stored={"Args/lr": 0.5})
    assert "UsageError task" in ran.stdout
    assert "cannot be overwritten" in ran.stdout
    assert os.environ["ELSEWHERE_REDIS_URL"]
    made = Task.import_task(ran.said)
    assert (made.name, made.get_parameters()) == ("svm", {"Args/lr": 0.5})
    assert [data for data, _, _ in configurations(server, made).values()] == [b"depth: 3"]
