"""What is changed of a task by hand, on every store alike."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from elsewhere.contract.edit import ARCHIVED, Configuration, Edit, ParameterInfo, Property
from elsewhere.contract.errors import IllegalMove, LateWrite, SchemaError, TaskNotFound, UsageError
from elsewhere.contract.query import Query
from elsewhere.contract.spec import Entry, Needs, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, StopRequest, TaskRecord
from elsewhere.contract.terms import Terms
from elsewhere.store.protocol import Store

NOBODY = "0" * 32


def test_a_new_task_holds_what_describes_it(store: Store, new: NewTask) -> None:
    described = dataclasses.replace(
        new,
        type="testing",
        tags=("a", "b/ü", "a"),
        system_tags=("s",),
        comment="line\nbreak",
        parent="f" * 32,
        properties={"best": Property([0.1, None], "list", "so far")},
        parameter_info={"Args/C": ParameterInfo("float", "the cost", ("0.5", "1"))},
    )
    task = store.create(described)
    assert (task.type, task.tags, task.system_tags) == ("testing", ("a", "b/ü"), ("s",))
    assert (task.comment, task.parent) == ("line\nbreak", "f" * 32)
    assert (task.properties, task.parameter_info) == (described.properties, described.parameter_info)
    assert (task.progress, task.updated) == (None, task.created)
    assert store.get(task.id) == task


def test_an_id_of_ones_own_makes_one_task_however_often_it_is_repeated(store: Store, new: NewTask) -> None:
    made = store.create(new, task_id="a" * 32)
    assert made.id == "a" * 32
    store.enqueue(made.id, "q")
    assert store.create(dataclasses.replace(new, name="other"), task_id="a" * 32) == store.get(made.id)
    assert len(store.newest()) == 1
    with pytest.raises(UsageError, match="no id"):
        store.create(new, task_id="mine")


def test_an_edit_changes_what_it_names_and_nothing_else(store: Store, draft: TaskRecord) -> None:
    spec = TaskSpec(Entry("other.py"), needs=Needs(2))
    edited = store.edit(
        draft.id,
        Edit(
            name="n2", project="p/q", comment="c", type="testing", parent="e" * 32, progress=12.5, spec=spec
        ),
    )
    expected = dataclasses.replace(
        draft, name="n2", project="p/q", comment="c", type="testing", parent="e" * 32, progress=12.5, spec=spec,
        updated=edited.updated,
    )  # fmt: skip
    assert edited == expected == store.get(draft.id)
    assert edited.updated >= draft.updated
    back = store.edit(draft.id, Edit(comment="", parent=""))
    assert (back.comment, back.parent, back.name) == ("", None, "n2")


def test_tags_are_replaced_then_removed_then_added_each_once(store: Store, draft: TaskRecord) -> None:
    assert store.edit(draft.id, Edit(tags=("a", "b", "a"))).tags == ("a", "b")
    assert store.edit(draft.id, Edit(add_tags=("c", "a"), remove_tags=("b",))).tags == ("a", "c")
    assert store.edit(draft.id, Edit(add_tags=("a",), remove_tags=("a",))).tags == ("c", "a")
    assert store.edit(draft.id, Edit(tags=("x", "y"), remove_tags=("x",))).tags == ("y",)
    assert store.edit(draft.id, Edit(tags=())).tags == ()
    assert store.edit(draft.id, Edit(add_system_tags=(ARCHIVED,))).system_tags == (ARCHIVED,)
    assert store.edit(draft.id, Edit(remove_system_tags=(ARCHIVED, "none"))).system_tags == ()


def test_edits_made_at_the_same_time_all_count(store: Store, draft: TaskRecord) -> None:
    def edit(number: int) -> None:
        name = str(number)
        store.edit(draft.id, Edit(add_tags=(name,), properties={name: Property(number)}))

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    task = store.get(draft.id)
    assert sorted(task.tags, key=int) == [str(number) for number in range(16)]
    assert task.properties == {str(number): Property(number) for number in range(16)}


def test_properties_are_edited_at_any_status_and_the_spec_of_drafts_only(
    store: Store, draft: TaskRecord
) -> None:
    store.move(draft.id, Status.CLOSED, expected=Status.CREATED)
    store.move(draft.id, Status.PUBLISHED, expected=Status.CLOSED)
    store.edit(draft.id, Edit(properties={"a": Property(1), "b": Property({})}))
    edited = store.edit(draft.id, Edit(properties={"c": Property(None)}, remove_properties=("a", "nobody")))
    assert edited.properties == {"b": Property({}), "c": Property(None)}
    with pytest.raises(IllegalMove, match="another spec"):
        store.edit(draft.id, Edit(name="half", spec=draft.spec))
    assert store.get(draft.id).name == draft.name


def test_an_edit_that_makes_no_sense_is_refused(store: Store, draft: TaskRecord) -> None:
    for progress in (-0.1, 100.1, float("nan")):
        with pytest.raises(UsageError, match="progress"):
            store.edit(draft.id, Edit(progress=progress))
    with pytest.raises(UsageError, match="name"):
        store.edit(draft.id, Edit(name=" "))
    with pytest.raises(SchemaError):
        store.edit(draft.id, Edit(properties={"x": Property(object())}))  # type: ignore[arg-type]
    with pytest.raises(TaskNotFound, match=NOBODY):
        store.edit(NOBODY, Edit(comment="x"))
    assert store.get(draft.id) == draft


def test_the_edits_of_an_attempt_are_fenced_and_numbered(store: Store, running: TaskRecord) -> None:
    store.edit(running.id, Edit(progress=1), attempt=1, sequence=1)
    assert store.edit(running.id, Edit(progress=99), attempt=1, sequence=1).progress == 1
    with pytest.raises(ValueError, match="number 2 comes next"):
        store.edit(running.id, Edit(progress=3), attempt=1, sequence=3)
    with pytest.raises(LateWrite):
        store.edit(running.id, Edit(progress=3), attempt=2)
    store.edit(running.id, Edit(progress=2), attempt=1, sequence=2)
    assert store.get(running.id).progress == 2


def test_parameters_are_replaced_and_dropped_with_all_that_is_known_of_them(
    store: Store, new: NewTask
) -> None:
    info = {"A/x": ParameterInfo("int"), "A/y": ParameterInfo("str")}
    task = store.create(
        dataclasses.replace(
            new, parameters={"A/x": 1, "A/y": "é", "A/z": []}, overrides=("A/x", "A/y"), parameter_info=info
        )
    )
    store.delete_parameters(task.id, ["A/x", "A/nobody"])
    now = store.get(task.id)
    assert (now.parameters, now.overrides) == ({"A/y": "é", "A/z": []}, ("A/y",))
    assert now.parameter_info == {"A/y": ParameterInfo("str")}
    store.replace_parameters(task.id, {"A/z": {}, "B/w": None}, overrides=("B/w",))
    now = store.get(task.id)
    assert (now.parameters, now.overrides, now.parameter_info) == ({"A/z": {}, "B/w": None}, ("B/w",), {})
    store.replace_parameters(task.id, {})
    assert (store.get(task.id).parameters, store.get(task.id).overrides) == ({}, ())
    with pytest.raises(TaskNotFound):
        store.delete_parameters(NOBODY, ["A/x"])


def test_configurations_are_kept_by_name(store: Store, draft: TaskRecord) -> None:
    first = Configuration(store.put_blob(b"a: 1"), ".yaml", "the model")
    store.set_configuration(draft.id, "model", first)
    store.set_configuration(draft.id, "Über/1", Configuration(store.put_blob(b"{}")))
    assert store.configuration(draft.id, "model") == first
    assert list(store.configurations(draft.id)) == ["model", "Über/1"]
    store.delete_configuration(draft.id, "Über/1")
    store.delete_configuration(draft.id, "nobody")
    assert store.configurations(draft.id) == {"model": first}
    assert store.configuration(draft.id, "Über/1") is None
    for call in (
        lambda: store.set_configuration(NOBODY, "model", first),
        lambda: store.delete_configuration(NOBODY, "model"),
    ):
        with pytest.raises(TaskNotFound):
            call()


def test_a_clone_is_a_draft_that_runs_the_same_and_has_no_results(store: Store, new: NewTask) -> None:
    source = store.create(
        dataclasses.replace(
            new, overrides=("Args/C",), terms=Terms(priority=3, retries=1), type="testing", tags=("t",),
            system_tags=(ARCHIVED,), comment="c", properties={"p": Property(1)},
            parameter_info={"Args/C": ParameterInfo("float")},
        )
    )  # fmt: skip
    store.set_configuration(source.id, "model", Configuration(store.put_blob(b"x")))
    store.move(source.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.append_log(source.id, 1, 1, b"said")
    store.move(source.id, Status.FAILED, expected=Status.IN_PROGRESS, message="m", exit_code=1)
    clone = store.clone(source.id)
    assert clone == store.get(clone.id)
    assert (clone.name, clone.status, clone.parent) == ("Clone Of svm", Status.CREATED, source.id)
    for field in (
        "project",
        "spec",
        "parameters",
        "overrides",
        "terms",
        "type",
        "tags",
        "comment",
        "parameter_info",
    ):
        assert getattr(clone, field) == getattr(source, field)
    assert (clone.system_tags, clone.properties, clone.exit_code, clone.attempt) == ((), {}, None, 0)
    assert (clone.started, clone.ended, clone.status_message) == (None, None, "")
    assert store.configurations(clone.id) == store.configurations(source.id)
    assert store.read_log(clone.id) == []
    assert [event.kind for event in store.events(clone.id)] == ["created"]
    other = store.clone(source.id, name="n", comment="k", parent="b" * 32, project="x/y")
    assert (other.name, other.comment, other.parent, other.project) == ("n", "k", "b" * 32, "x/y")
    store.enqueue(clone.id, "q")
    with pytest.raises(TaskNotFound):
        store.clone(NOBODY)


def test_a_queued_task_has_a_place_and_can_be_taken_out_again(store: Store, new: NewTask) -> None:
    first, second = store.create(new), store.create(new)
    assert (store.position(first.id), store.queued("q")) == (None, 0)
    for task in (first, second):
        store.enqueue(task.id, "q")
    assert (store.position(first.id), store.position(second.id), store.queued("q")) == (0, 1, 2)
    for _ in range(2):
        assert store.dequeue(first.id).status is Status.CREATED
    assert (store.position(first.id), store.position(second.id), store.queued("q")) == (None, 0, 1)
    store.enqueue(first.id, "other")
    store.request_stop(second.id, StopRequest("ada"))
    with pytest.raises(IllegalMove):
        store.dequeue(second.id)


def test_a_deleted_task_leaves_nothing_and_its_children_are_told(store: Store, new: NewTask) -> None:
    task = store.create(dataclasses.replace(new, tags=("t",)), submission="key")
    store.enqueue(task.id, "q")
    waits = store.create(dataclasses.replace(new, terms=Terms(parents=(task.id,))))
    store.enqueue(waits.id, "q")
    clone = store.clone(task.id)
    store.delete(task.id)
    for call in (lambda: store.get(task.id), lambda: store.delete(task.id)):
        with pytest.raises(TaskNotFound):
            call()
    with pytest.raises(TaskNotFound):
        store.resolve(task.id)
    assert (store.read_log(task.id), store.events(task.id), store.configurations(task.id)) == ([], [], {})
    assert (store.get(waits.id).status, store.get(waits.id).status_message) == (
        Status.STOPPED,
        f"parent failed: {task.id}",
    )
    assert store.get(clone.id).parent is None
    assert store.queued("q") == 0
    assert set(store.query(Query()).ids) == {waits.id, clone.id}
    assert store.query(Query(parent=task.id)).ids == ()
    again = store.create(new, submission="key")
    assert again.id != task.id
    assert store.create(new, submission="key").id == again.id


def test_what_runs_or_is_published_is_deleted_by_force_only(
    store: Store, running: TaskRecord, new: NewTask
) -> None:
    published = store.create(new)
    store.move(published.id, Status.CLOSED, expected=Status.CREATED)
    store.move(published.id, Status.PUBLISHED, expected=Status.CLOSED)
    for task_id in (running.id, published.id):
        with pytest.raises(IllegalMove, match="force"):
            store.delete(task_id)
        store.delete(task_id, force=True)
    with pytest.raises(TaskNotFound):
        store.append_log(running.id, 1, 1, b"late")


def test_a_reset_keeps_what_describes_the_task_and_clears_what_the_run_said(
    store: Store, new: NewTask
) -> None:
    described = dataclasses.replace(
        new, tags=("t",), comment="c", properties={"p": Property(1)}, type="testing"
    )
    task = store.create(described)
    store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.edit(task.id, Edit(progress=40))
    store.move(task.id, Status.COMPLETED, expected=Status.IN_PROGRESS, exit_code=0)
    assert store.get(task.id).progress == 40
    again = store.move(task.id, Status.CREATED, expected=Status.COMPLETED)
    assert (again.tags, again.comment, again.properties, again.type) == (
        ("t",),
        "c",
        {"p": Property(1)},
        "testing",
    )
    assert (again.progress, again.ended, again.exit_code, again.attempt) == (None, None, None, 1)


def test_waiting_ends_with_the_move_that_it_waits_for(store: Store, draft: TaskRecord) -> None:
    found: list[Status] = []

    def wait() -> None:
        found.append(store.wait_for_status(draft.id, {Status.COMPLETED, Status.FAILED}, 60).status)

    waiter = threading.Thread(target=wait)
    waiter.start()
    store.edit(draft.id, Edit(comment="not this"))
    store.move(draft.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.move(draft.id, Status.FAILED, expected=Status.IN_PROGRESS)
    waiter.join(30)
    assert found == [Status.FAILED]
    assert store.wait_for_status(draft.id, {Status.FAILED}).status is Status.FAILED
    assert store.wait_for_status(draft.id, {Status.QUEUED}, 0.01).status is Status.FAILED
    with pytest.raises(TaskNotFound):
        store.wait_for_status(NOBODY, {Status.FAILED}, 1)
