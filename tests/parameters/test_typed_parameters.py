"""Setting, reading and dropping parameters of a draft, at a desk and in an attempt."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from elsewhere.contract.edit import ParameterInfo
from elsewhere.contract.errors import IllegalMove, UsageError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from elsewhere.task import Task
from tests.parameters.ends import Relayed, at_desk, relayed, same


class Colour(enum.Enum):
    RED = 1


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relayed]:
    with relayed() as end:
        monkeypatch.setenv("ELSEWHERE_RELAY", str(end.socket))
        yield end


@pytest.fixture(params=["memory", "valkey"])
def draft(request: pytest.FixtureRequest) -> Task:
    """A draft of a store, whose script has recorded something."""
    memory = request.param == "memory"
    store: Any = MemoryStore() if memory else RedisStore(request.getfixturevalue("valkey_url"))
    new = NewTask("digits", "svm", TaskSpec(Entry("train.py")), {"Args/lr": 0.1, "Args/layers": [1, 2]})
    return Task(Stored(store, store.create(new).id))


def test_setting_replaces_and_updating_merges(draft: Task) -> None:
    draft.update_parameters({"General/x": 1}, [("y", None)], z={})
    assert draft.get_parameters() == {
        "Args/lr": 0.1, "Args/layers": [1, 2], "General/x": 1, "General/y": None, "General/z": {},
    }  # fmt: skip
    draft.set_parameters({"Args/lr": 0.2}, {"General/x": 2}, y=3)
    assert draft.get_parameters() == {"Args/lr": 0.2, "General/x": 2, "General/y": 3}
    draft.set_parameters()
    assert draft.get_parameters() == {}


def test_what_replaces_a_value_brings_its_own_type(draft: Task) -> None:
    draft.set_parameters(size=(1, 2), rate=1)
    draft.set_parameters(size="big", rate=1)
    assert draft.get_parameters(cast=True) == {"General/size": "big", "General/rate": 1}
    assert draft._record().parameter_info.get("General/size", ParameterInfo()).type == ""


def test_nested_dicts_are_merged_by_their_sections(draft: Task) -> None:
    draft.set_parameters_as_dict({"Args": {"lr": 0.5, "opt": {"name": "adam", "none": {}}}, "alone": 1})
    assert draft.get_parameters() == {
        "Args/lr": 0.5, "Args/layers": [1, 2], "Args/opt/name": "adam", "Args/opt/none": {}, "General/alone": 1,
    }  # fmt: skip
    assert draft.get_parameters_as_dict() == {
        "Args": {"lr": 0.5, "layers": [1, 2], "opt": {"name": "adam", "none": {}}},
        "General": {"alone": 1},
    }
    for wrong in ({1: {"a": 1}}, {"Args": {1: "a"}}):
        with pytest.raises(UsageError, match="no text"):
            draft.set_parameters_as_dict(wrong)
    draft.set_parameters_as_dict({"Table": {"names": {1: "a"}}})
    assert draft.get_parameter("Table/names", cast=True) == {1: "a"}


def test_a_name_that_is_a_value_and_above_others_keeps_both(draft: Task) -> None:
    draft.set_parameters({"A/b": 1, "A/b/c/d": 2, "A/b/c": 3})
    assert draft.get_parameters_as_dict() == {"A": {"b": 1, "b/c/d": 2, "b/c": 3}}


def test_one_parameter_is_read_by_its_name_or_its_key_in_general(draft: Task) -> None:
    draft.set_parameter("depth", 3)
    assert draft.get_parameter("depth") == draft.get_parameter("General/depth") == 3
    assert draft.get_parameter("Args/lr") == 0.1
    assert draft.get_parameter("Args/none", default=7) == 7
    draft.set_parameter("none", None)
    assert draft.get_parameter("none", default=7) is None


def test_types_come_back_where_they_are_asked_for(draft: Task) -> None:
    values = {"a": Colour.RED, "b": (1, (2,)), "c": pathlib.Path("x"), "d": {1: {2}}, "e": float("inf")}
    draft.update_parameters(values)
    read = draft.get_parameters(cast=True)
    assert all(same(read[f"General/{key}"], value) for key, value in values.items())
    plain = draft.get_parameters()
    assert [plain[f"General/{key}"] for key in "abc"] == ["RED", [1, [2]], "x"]


def test_a_description_stays_and_a_type_goes_with_another_value(draft: Task) -> None:
    draft.set_parameter("betas", (1, 2), description="of Adam")
    draft.set_parameter("betas", [3], value_type=list)
    info = draft._record().parameter_info["General/betas"]
    assert (info.type, info.description) == ("", "of Adam")


@pytest.mark.parametrize(
    ("value", "wanted", "made"),
    [("0.1", float, 0.1), ("0.1", "float", 0.1), ("[1]", tuple, (1,)), ("RED", Colour, Colour.RED), (1, str, "1"),
     ("a", pathlib.Path, pathlib.Path("a"))],
)  # fmt: skip
def test_a_value_is_made_one_of_the_type_asked_for(draft: Task, value: Any, wanted: Any, made: Any) -> None:
    draft.set_parameter("x", value, value_type=wanted)
    assert same(draft.get_parameter("x", cast=True), made)


def test_what_cannot_be_set_changes_nothing(draft: Task) -> None:
    before = draft.get_parameters()
    for values in (
        {"x": 1, "y": object()},
        {"x": 1, "": 2},
        {"x": 1, "/y": 2},
        {"x": 1, 5: 2},
        {"\ud800": 1},
    ):
        with pytest.raises(UsageError):
            draft.update_parameters(values)
    with pytest.raises(UsageError, match="General/x: 'fast' is no float"):
        draft.set_parameter("x", "fast", value_type=float)
    with pytest.raises(UsageError, match="no type"):
        draft.set_parameter("x", "fast", value_type="velocity")
    assert draft.get_parameters() == before


@pytest.mark.parametrize("status", ["completed", "published"])
def test_what_a_task_ran_with_is_not_changed_once_it_has_ended(draft: Task, status: str) -> None:
    before = draft.get_parameters()
    draft.mark_started()
    draft.mark_completed()
    if status == "published":
        draft.publish()
    for change in (
        lambda: draft.set_parameter("Args/lr", 1),
        lambda: draft.set_parameters({}),
        lambda: draft.update_parameters({"Args/new": 1}),
        lambda: draft.connect({"lr": 1}),
        lambda: draft.connect_configuration({"lr": 1}),
        lambda: draft.set_configuration_object("model", "{}"),
    ):
        with pytest.raises(IllegalMove, match=f"is {status} and cannot be given other parameters"):
            change()
    assert (draft.get_parameters(), draft.get_configuration_objects()) == (before, {})
    draft.set_user_properties(verdict="good")


def test_a_parameter_is_dropped_by_force_once_the_task_is_no_draft(draft: Task) -> None:
    assert draft.delete_parameter("Args/lr") is True
    assert draft.delete_parameter("Args/lr") is False
    running = at_desk()
    running.set_parameter("x", 1)
    with pytest.raises(UsageError, match="force=True"):
        running.delete_parameter("x")
    assert running.delete_parameter("x", force=True) is True
    assert running.get_parameters() == {}


def test_only_what_was_changed_is_set_by_hand_and_types_stay_of_what_was_not(draft: Task) -> None:
    running = at_desk()
    running.set_parameters(betas=(1, 2), lr=0.1)
    record = running._record()
    copy = draft._place.store().create(
        NewTask("a", "b", record.spec, record.parameters, parameter_info=record.parameter_info)
    )
    edited = Task(Stored(draft._place.store(), copy.id))
    values = edited.get_parameters()
    edited.set_parameters({**values, "General/lr": 0.5})
    assert edited._record().overrides == ("General/lr",)
    assert same(edited.get_parameters(cast=True), {"General/betas": (1, 2), "General/lr": 0.5})
    edited.set_parameter("betas", [1, 2])
    assert edited._record().overrides == ("General/lr", "General/betas")


def test_in_an_attempt_what_was_set_by_hand_holds_whatever_the_script_sets(relay: Relayed) -> None:
    desk = at_desk()
    desk.set_parameters({"Args/lr": 0.1, "x": 1})
    task = relay.attempt(desk, {"Args/lr": 0.5})
    task.set_parameter("Args/lr", 0.2)
    task.update_parameters({"Args/lr": 0.3, "x": 2})
    assert task.get_parameters() == {"Args/lr": 0.5, "General/x": 2}
    task.set_parameters(y=(1,))
    assert task.get_parameters(cast=True) == {"Args/lr": 0.5, "General/y": (1,)}
    assert relay.record.overrides == ("Args/lr",)


def test_reading_a_parameter_is_reading_what_was_set_by_hand(relay: Relayed) -> None:
    task = relay.attempt(at_desk(), {"Args/lr": 0.5, "Args/depth": 3})
    assert task.get_parameter("Args/lrr") is None
    assert relay.used == set()
    task.get_parameter("Args/lr")
    assert relay.used == {"Args/lr"}
    task.get_parameters()
    assert relay.used == {"Args/lr", "Args/depth"}


def test_printing_all_parameters_does_not_hide_an_override_that_a_connected_section_does_not_know(
    relay: Relayed,
) -> None:
    task = relay.attempt(at_desk(), {"General/lr": 0.5, "General/lrr": 0.5, "Other/x": 1})
    task.connect({"lr": 0.1})
    assert task.get_parameters_as_dict()["General"] == {"lr": 0.5, "lrr": 0.5}
    assert relay.used == {"General/lr", "Other/x"}


def test_what_a_script_sets_over_what_it_connected_is_no_start_for_the_attempt(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect({"lr": 0.1})
    desk.set_parameter("lr", 0.5)
    assert desk.get_parameter("lr") == 0.5
    assert relay.attempt(desk).connect({"lr": 0.1}) == {"lr": 0.1}
