"""Edits one after the other, and the one edit that they come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.store.edit_rules import combined, edited
from elsewhere.store.memory import MemoryStore
from elsewhere.store.protocol import Store
from tests.sdk.relayed import new_task

# Few of each, so that edits meet.
WORDS = st.lists(st.sampled_from("abcd"), max_size=4).map(tuple)
TEXTS = st.none() | st.sampled_from(["x", "y"])
NOTES = st.dictionaries(st.sampled_from("pqr"), st.builds(Property, st.integers(0, 3)), max_size=3)
EDITS = st.builds(
    Edit,
    name=TEXTS,
    project=TEXTS,
    comment=TEXTS | st.just(""),
    type=TEXTS,
    parent=TEXTS | st.just(""),
    progress=st.none() | st.floats(0, 100),
    tags=st.none() | WORDS,
    add_tags=WORDS,
    remove_tags=WORDS,
    add_system_tags=WORDS,
    remove_system_tags=WORDS,
    properties=NOTES,
    remove_properties=st.lists(st.sampled_from("pqr"), max_size=3).map(tuple),
    parameter_info=st.dictionaries(
        st.sampled_from("st"), st.builds(ParameterInfo, TEXTS.map(str)), max_size=2
    ),
    spec=st.none() | st.builds(TaskSpec, st.builds(Entry, st.sampled_from(["a.py", "b.py"]))),
)
TASKS = st.builds(
    lambda tags, system_tags, notes: TaskRecord(
        "0" * 32, "p", "n", Status.CREATED, TaskSpec(Entry("t.py")), tags=tuple(dict.fromkeys(tags)),
        system_tags=tuple(dict.fromkeys(system_tags)), properties=notes,
    ),
    WORDS, WORDS, NOTES,
)  # fmt: skip


@given(TASKS, EDITS, EDITS)
def test_one_after_the_other_is_both_at_once(task: TaskRecord, first: Edit, then: Edit) -> None:
    assert edited(edited(task, first), then) == edited(task, combined(first, then))


@given(TASKS, EDITS, EDITS)
def test_both_at_once_may_come_again(task: TaskRecord, first: Edit, then: Edit) -> None:
    both = combined(first, then)
    wanted = edited(task, both)
    for stands in (edited(task, first), wanted):
        again = edited(stands, both)
        # What was removed and added stands at the end of it once more.
        assert (set(again.tags), set(again.system_tags)) == (set(wanted.tags), set(wanted.system_tags))
        assert replace(again, tags=wanted.tags, system_tags=wanted.system_tags) == wanted


@given(EDITS, EDITS, EDITS)
def test_it_does_not_matter_which_are_taken_together(one: Edit, two: Edit, three: Edit) -> None:
    task = TaskRecord("0" * 32, "p", "n", Status.CREATED, TaskSpec(Entry("t.py")))
    left, right = combined(combined(one, two), three), combined(one, combined(two, three))
    assert edited(task, left) == edited(task, right)


@given(EDITS, EDITS)
def test_nothing_is_the_edit_that_changes_nothing(first: Edit, then: Edit) -> None:
    task = edited(TaskRecord("0" * 32, "p", "n", Status.CREATED, TaskSpec(Entry("t.py"))), first)
    assert edited(task, Edit()) == task
    for same in (combined(Edit(), then), combined(then, Edit())):
        assert edited(task, same) == edited(task, then)


@given(EDITS, EDITS)
def test_a_store_has_the_same_of_both(first: Edit, then: Edit) -> None:
    store: Store = MemoryStore()
    one, other = store.create(new_task()), store.create(new_task())
    store.edit(one.id, first)
    apart = store.edit(one.id, then)
    at_once = store.edit(other.id, combined(first, then))
    for field in ("name", "project", "comment", "type", "parent", "progress", "tags", "system_tags", "spec"):
        assert getattr(apart, field) == getattr(at_once, field)
    assert (apart.properties, apart.parameter_info) == (at_once.properties, at_once.parameter_info)
