"""User properties: notes on a task, at any status, which change nothing that runs."""

from __future__ import annotations

import dataclasses
import enum
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.edit import ARCHIVED, Edit, Property
from elsewhere.contract.errors import UsageError
from elsewhere.contract.status import Status
from elsewhere.properties import read_properties
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from elsewhere.task import Task
from tests.sdk.relayed import new_task, relayed


class Mood(enum.Enum):
    GOOD = 1


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def task(store: MemoryStore) -> Task:
    return Task(Stored(store, store.create(new_task()).id))


def test_every_way_to_write_them_down(task: Task) -> None:
    task.set_user_properties(
        {"plain": 1, "told": {"value": "x", "description": "why", "type": int}},
        {"name": "one", "value": 2, "section": "properties"},
        [{"name": "in a list", "value": None, "type": "nothing"}, {"named": True}],
        (("a pair", 3),),
        keyword="k",
        details={"value": [1], "description": None},
        data={"lr": 0.1},
    )
    assert task.get_user_properties(value_only=True) == {
        "plain": 1, "told": "x", "one": 2, "in a list": None, "named": True, "a pair": 3, "keyword": "k",
        "details": [1], "data": {"lr": 0.1},
    }  # fmt: skip
    told = task.get_user_properties()["told"]
    assert told == {"name": "told", "value": "x", "type": "int", "description": "why"}


def test_setting_one_leaves_the_others_and_deleting_needs_no_knowledge(task: Task) -> None:
    task.set_user_properties(a=1, b=2, c=3, d=4)
    task.set_user_properties(b="two")
    assert task.get_user_properties(value_only=True) == {"a": 1, "b": "two", "c": 3, "d": 4}
    task.delete_user_properties("a", "nobody", {"section": "properties", "name": "c"}, ("properties", "d"))
    assert task.get_user_properties(value_only=True) == {"b": "two"}
    task.delete_user_properties()
    task.set_user_properties()
    assert list(task.get_user_properties()) == ["b"]


@pytest.mark.parametrize(
    ("value", "kept", "type_"),
    [
        (numpy.float32(0.5), 0.5, ""),
        (numpy.int64(7), 7, ""),
        ((1, "a"), [1, "a"], ""),
        (Path("a/b"), "a/b", "PosixPath"),
        (Mood.GOOD, "Mood.GOOD", "Mood"),
        ({1: 2}, "{1: 2}", "dict"),
        (numpy.zeros(2), "[0. 0.]", "ndarray"),
        ("\ud800", "\\ud800", "str"),
        (2**80, 2**80, ""),
    ],
)
def test_what_json_cannot_hold_is_kept_as_its_text(task: Task, value: Any, kept: Any, type_: str) -> None:
    task.set_user_properties(x=value)
    note = task.get_user_properties()["x"]
    assert (note["value"], note["type"]) == (kept, type_)
    assert type(note["value"]) is type(kept)


def test_what_is_kept_is_not_shared_with_the_script(task: Task) -> None:
    own = [1]
    task.set_user_properties(x=own)
    own.append(2)
    assert task.get_user_properties(value_only=True) == {"x": [1]}


def test_nan_is_kept(task: Task) -> None:
    task.set_user_properties(x=math.nan)
    assert math.isnan(task.get_user_properties(value_only=True)["x"])


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (("x",), "'x' is no user property"),
        ((3,), "3 is no user property"),
        ((["x"],), "'x' is no user property"),
        (([{"name": "x"}],), "'x' has no value"),
        (([{"name": "x", "value": 1, "colour": "red"}],), "a field 'colour'"),
        (({"x": {"value": 1, "colour": "red"}},), "a field 'colour'"),
        (({"": 1},), "cannot be named ''"),
        (({3: 1},), "cannot be named 3"),
        (({"\ud800": 1},), "cannot be named"),
        (({"name": 7, "value": 1},), "cannot be named 7"),
    ],
)
def test_what_is_none_is_refused_and_nothing_of_it_is_set(task: Task, given_: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        task.set_user_properties({"fine": 1}, *given_)
    assert task.get_user_properties() == {}


@pytest.mark.parametrize("name", [3, "", {"section": "x"}, ("a", "b", "c"), None])
def test_what_names_none_is_refused(task: Task, name: Any) -> None:
    with pytest.raises(UsageError, match="names no user property"):
        task.delete_user_properties(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(min_size=1).filter(lambda name: bool(name.strip()))


@given(st.dictionaries(NAMES, st.tuples(JSON, st.text(), st.text()), max_size=4))
def test_what_is_read_can_be_set_again(notes: dict[str, tuple[Any, str, str]]) -> None:
    store = MemoryStore()
    task = Task(Stored(store, store.create(new_task()).id))
    expected = {name: Property(*note) for name, note in notes.items()}
    store.edit(task.id, Edit(properties=expected))
    read = task.get_user_properties()
    for written in ([list(read.values())], list(read.values()), [read]):
        # A dict of details by name says the name again, which is fine if it is the same.
        assert read_properties(written, {}) == expected


@pytest.mark.parametrize("path", [("closed", "published"), ("stopped",), ("in_progress", "failed")])
def test_they_are_edited_at_any_status_and_change_nothing_that_runs(
    valkey_url: str, path: tuple[str, ...]
) -> None:
    store = RedisStore(valkey_url)
    draft = store.create(new_task(parameters={"Args/lr": 0.1}))
    status = draft.status
    for target in map(Status, path):
        store.move(draft.id, target, expected=status)
        status = target
    before = store.edit(draft.id, Edit(add_system_tags=(ARCHIVED,)))
    task = Task(Stored(store, draft.id))
    task.set_user_properties(best=0.9, worst=0.1)
    task.delete_user_properties("worst")
    after = store.get(draft.id)
    assert after.properties == {"best": Property(0.9)}
    assert dataclasses.replace(after, properties={}, updated=before.updated) == before
    store.close()


def test_an_attempt_notes_them_on_its_own_task(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = store.create(new_task(properties={"mine": Property("by hand")}))
    with relayed(monkeypatch, store, draft.id) as attempt:
        attempt.task.set_user_properties(best={"value": 0.5, "description": "so far"})
        attempt.task.set_user_properties(best=0.75, gone=1)
        attempt.task.delete_user_properties("gone")
        attempt.task.set_user_properties(odd=math.inf)
        assert attempt.task.get_user_properties(value_only=True)["odd"] == math.inf
        attempt.task.delete_user_properties("odd")
        assert attempt.task.get_user_properties(value_only=True) == {"mine": "by hand", "best": 0.75}
        with pytest.raises(UsageError):
            attempt.task.set_user_properties("x")
        assert attempt.arrived().properties == {"mine": Property("by hand"), "best": Property(0.75)}
