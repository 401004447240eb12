"""Connected dicts, lists and namespaces: recorded at a desk, overridden in an attempt, heard in between."""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy
import pytest
import yaml

from elsewhere.contract.errors import ParameterError, UsageError
from elsewhere.task import Task
from tests.parameters.ends import Relayed, at_desk, relayed, same


class Colour(Enum):
    RED = 1
    BLUE = "blue"


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relayed]:
    with relayed() as end:
        monkeypatch.setenv("ELSEWHERE_RELAY", str(end.socket))
        yield end


def parameters(task: Task) -> dict[str, Any]:
    return dict(task._record().parameters)


def settings() -> dict[str, Any]:
    return {"lr": 0.1, "optimizer": {"name": "adam", "betas": (0.9, 0.999), "extra": {}}, "a/b": [1]}


def test_a_dict_is_recorded_by_its_leaves() -> None:
    task = at_desk()
    task.connect(settings())
    assert parameters(task) == {
        "General/lr": 0.1,
        "General/optimizer/name": "adam",
        "General/optimizer/betas": [0.9, 0.999],
        "General/optimizer/extra": {},
        "General/a%2Fb": [1],
    }
    assert same(task.get_parameters_as_dict(cast=True), {"General": settings()})


def test_a_section_has_the_name_it_is_given() -> None:
    task = at_desk()
    task.connect({"lr": 1}, name="Training")
    assert parameters(task) == {"Training/lr": 1}


@pytest.mark.parametrize(
    ("local", "typed", "expected"),
    [
        (0.1, "0.5", 0.5),
        (0.1, 1, 1.0),
        (0.1, "1e-3", 0.001),
        (1, "5", 5),
        (1, "1e3", 1000),
        (True, "False", False),
        (True, 0, False),
        ("adam", 5, "5"),
        ("adam", True, "true"),
        ([1], "[1,2]", [1, 2]),
        ([0.5], [1, 2], [1.0, 2.0]),
        ((0.9,), "(0.8, 0.9)", (0.8, 0.9)),
        ((), "(1,)", (1,)),
        ({1}, [2, 3], {2, 3}),
        (Colour.RED, "BLUE", Colour.BLUE),
        (Colour.RED, "blue", Colour.BLUE),
        (Colour.BLUE, 1, Colour.RED),
        (Colour.BLUE, "Colour.RED", Colour.RED),
        (pathlib.Path("a"), "b/c", pathlib.Path("b/c")),
        (None, 3, 3),
        (0.1, None, None),
        (numpy.float32(1), "0.5", numpy.float32(0.5)),
        (numpy.int64(1), 7, numpy.int64(7)),
        (b"a", "b", b"b"),
        (1 + 2j, "3+4j", 3 + 4j),
    ],
)
def test_what_is_set_by_hand_is_cast_to_the_type_of_the_script_s_value(
    relay: Relayed, local: Any, typed: Any, expected: Any
) -> None:
    task = relay.attempt(at_desk(), {"General/x": typed})
    values = {"x": local}
    assert same(task.connect(values)["x"], expected)
    assert same(values["x"], expected)
    assert relay.used == {"General/x"}
    assert same(task.get_parameter("x", cast=True), expected)
    # A second attempt starts from what the first has made of it.
    again = relay.again(relay.record, kept=("General/x",))
    assert same(again.connect({"x": local})["x"], expected)


@pytest.mark.parametrize(
    ("local", "typed"),
    [
        (0.1, "fast"), (1, 0.5), (1, True), (True, "maybe"), ([1], "one"), (Colour.RED, "GREEN"), (1, "0.5"),
        ((1,), {"a": 1}), (numpy.uint8(1), 1000), (0.5, [1]), ({"a": 1}, "adam"), (pathlib.Path(), 5),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_raised_or_kept_out(
    relay: Relayed, capsys: pytest.CaptureFixture[str], local: Any, typed: Any
) -> None:
    task = relay.attempt(at_desk(), {"General/x": typed})
    with pytest.raises(ParameterError, match="General/x"):
        task.connect({"x": copy.deepcopy(local)})
    assert "parameter General/x" in capsys.readouterr().err
    kept = task.connect({"x": copy.deepcopy(local)}, on_bad_override="keep")
    assert same(kept["x"], local)
    assert "the script's own value is kept" in capsys.readouterr().err
    assert same(relay.record.parameters["General/x"], typed)


def test_what_the_desk_recorded_wins_over_what_the_script_says_in_the_attempt(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect({"seed": 7, "opt": {"eps": 1e-8}, "none": None})
    local = {"seed": 8, "opt": {"eps": 0.5}, "none": 3, "new": 1}
    connected = relay.attempt(desk).connect(local)
    assert same(connected, {"seed": 7, "opt": {"eps": 1e-8}, "none": None, "new": 1})
    assert relay.record.parameters["General/new"] == 1


def test_a_nested_dict_is_overridden_item_by_item_or_as_a_whole(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect(settings())
    by_hand = {"General/optimizer/name": "sgd", "General/optimizer/extra/momentum": 0.9}
    assert relay.attempt(desk, by_hand).connect(settings())["optimizer"] == {
        "name": "sgd", "betas": (0.9, 0.999), "extra": {"momentum": 0.9},
    }  # fmt: skip
    assert relay.used == set(by_hand)
    whole = relay.attempt(desk, {"General/optimizer": '{"name": "sgd", "lr": 1}', "General/optimizer/lr": 2})
    assert whole.connect(settings())["optimizer"] == {"name": "sgd", "lr": 2}


def test_a_later_change_is_recorded_nested_ones_too() -> None:
    task = at_desk()
    original: dict[str, Any] = {"lr": 0.1, "opt": {"name": "adam", "more": {}}, "gone": 1}
    connected = task.connect(original)
    connected["lr"] = 0.2
    connected["new"] = (1, 2)
    connected["opt"]["name"] = "sgd"
    connected["opt"]["more"]["depth"] = 3
    connected.update(batch=32)
    connected |= {"seed": 7}
    connected.setdefault("lr", 5)
    connected.setdefault("late", {"x": 1})["y"] = 2
    assert connected.pop("gone") == 1
    assert task.get_parameters(cast=True) == {
        "General/lr": 0.2, "General/opt/name": "sgd", "General/opt/more/depth": 3, "General/new": (1, 2),
        "General/batch": 32, "General/seed": 7, "General/gone": 1, "General/late/x": 1, "General/late/y": 2,
    }  # fmt: skip
    connected["opt"] = {"only": 1}
    assert "General/opt/name" not in parameters(task)
    assert parameters(task)["General/opt/only"] == 1
    assert original == connected


def test_what_was_dropped_comes_back_with_its_type() -> None:
    task = at_desk()
    connected = task.connect({"betas": (1, 2), "opt": {"a": (1,)}})
    task.delete_parameter("betas", force=True)
    connected["betas"] = (3, 4)
    connected["opt"] = 5
    connected["opt"] = {"a": (1,)}
    assert task.get_parameters(cast=True) == {"General/betas": (3, 4), "General/opt/a": (1,)}


def test_what_the_script_changed_later_is_no_start_for_the_attempt_but_what_is_set_by_hand_is(
    relay: Relayed,
) -> None:
    def script(task: Task) -> Any:
        found = task.connect({"lr": 0.5, "steps": 2})
        found["lr"] *= 3
        return found["lr"]

    desk = at_desk()
    assert script(desk) == 1.5
    assert parameters(desk)["General/lr"] == 1.5
    assert script(relay.attempt(desk)) == 1.5
    assert script(relay.again(relay.record)) == 1.5
    assert script(relay.attempt(desk, {"General/lr": 2})) == 6.0
    assert script(relay.again(relay.record, kept=("General/lr",))) == 6.0


def test_one_name_connected_twice_with_different_values_stays_the_script_s(relay: Relayed) -> None:
    def script(task: Task) -> list[Any]:
        return [task.connect({"lr": value})["lr"] for value in (1, 2, 2)]

    desk = at_desk()
    assert script(desk) == [1, 2, 2]
    assert script(relay.attempt(desk)) == [1, 2, 2]
    assert script(relay.attempt(desk, {"General/lr": 5})) == [5, 5, 5]


def test_a_key_that_comes_later_is_overridden_when_it_comes(relay: Relayed) -> None:
    task = relay.attempt(at_desk(), {"General/depth": "4", "General/head/width": 9})
    connected = task.connect({"lr": 0.1})
    assert relay.used == set()
    connected["depth"] = 3
    connected["head"] = {"width": 8, "bias": True}
    assert connected == {"lr": 0.1, "depth": 4, "head": {"width": 9, "bias": True}}
    assert relay.used == {"General/depth", "General/head/width"}
    connected["depth"] = 5
    assert connected["depth"] == 5
    assert relay.record.parameters["General/depth"] == 4  # what was set by hand stays what was said


def test_overrides_are_ignored_where_the_script_says_so(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect({"lr": 0.3, "seed": 1})
    task = relay.attempt(desk, {"General/lr": 0.5})
    assert task.connect({"lr": 0.1, "seed": 2}, ignore_remote_overrides=True) == {"lr": 0.1, "seed": 2}
    assert relay.used == set()
    assert relay.record.parameters == {"General/lr": 0.5, "General/seed": 2}


def test_what_no_parameter_can_hold_is_left_to_the_script(
    relay: Relayed, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(task: Task) -> Any:
        return task.connect(
            {"lr": 0.1, "loss": print, "nested": {"x": [object], "y": 1}, "array": numpy.zeros(2)}
        )

    desk = at_desk()
    assert script(desk)["loss"] is print
    assert parameters(desk) == {"General/lr": 0.1, "General/nested/y": 1}
    said = capsys.readouterr().err
    assert all(f"General/{name} is not recorded" in said for name in ("loss", "nested/x", "array"))
    assert script(relay.attempt(desk, {"General/lr": 1}))["lr"] == 1.0
    with pytest.raises(ParameterError, match="General/loss"):
        script(relay.attempt(desk, {"General/loss": "mse"}))


def test_what_holds_itself_is_left_to_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    task = at_desk()
    loop: dict[str, Any] = {"lr": 1}
    loop["self"] = [loop]
    task.connect(loop)
    assert parameters(task) == {"General/lr": 1}
    assert "General/self is not recorded" in capsys.readouterr().err


def test_two_keys_of_one_name_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    task = at_desk()
    connected = task.connect({1: "a", "1": "b"})
    assert connected == {1: "a", "1": "b"}
    assert parameters(task) == {"General/1": "a"}
    assert "General/1" in capsys.readouterr().err


def test_a_connected_dict_is_a_dict_and_its_copies_are_plain() -> None:
    connected = at_desk().connect(settings())
    copies = [copy.copy(connected), copy.deepcopy(connected), pickle.loads(pickle.dumps(connected))]
    for each in [*copies, connected.copy()]:
        assert type(each) is dict
        assert each == settings()
    assert all(type(each["optimizer"]) is dict for each in copies)
    assert json.loads(json.dumps(connected))["lr"] == 0.1
    for dump in (yaml.safe_dump, yaml.dump):
        assert yaml.safe_load(dump({"all": connected["optimizer"]["extra"]})) == {"all": {}}
    task = at_desk()
    assert same(task.connect(task.connect(settings())), settings())
    task.set_parameter("whole", connected)
    assert same(task.get_parameter("whole", cast=True), settings())


def test_a_dict_of_another_class_stays_what_it_is(relay: Relayed) -> None:
    desk = at_desk()
    ordered = OrderedDict(b=1, a=OrderedDict(c=2))
    assert desk.connect(ordered) is ordered
    assert parameters(desk) == {"General/b": 1, "General/a/c": 2}
    relay.attempt(desk, {"General/a/c": 5}).connect(ordered)
    assert (type(ordered["a"]), ordered["a"]["c"]) == (OrderedDict, 5)  # type: ignore[index]


def test_a_list_is_one_parameter(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect([1, 2, 3], name="layers")
    desk.connect([])
    assert parameters(desk) == {"General/layers": [1, 2, 3], "General/list": []}
    layers = [1, 2, 3]
    assert relay.attempt(desk, {"General/layers": "[4, 5]"}).connect(layers, name="layers") is layers
    assert layers == [4, 5]


def test_two_tasks_of_one_process_have_parameters_of_their_own() -> None:
    one, other = at_desk(), at_desk()
    first, second = one.connect({"lr": 1}), other.connect({"lr": 2})
    first["lr"], second["x"] = 3, 4
    assert (parameters(one), parameters(other)) == ({"General/lr": 3}, {"General/lr": 2, "General/x": 4})


def test_a_namespace_stands_in_args(relay: Relayed) -> None:
    desk = at_desk()
    desk.connect(argparse.Namespace(lr=0.1, path=pathlib.Path("a"), _private=1))
    assert desk.get_parameters(cast=True) == {"Args/lr": 0.1, "Args/path": pathlib.Path("a")}
    namespace = argparse.Namespace(lr=0.2, path=pathlib.Path("b"))
    assert relay.attempt(desk, {"Args/lr": "0.5"}).connect(namespace) is namespace
    assert vars(namespace) == {"lr": 0.5, "path": pathlib.Path("a")}


@pytest.mark.parametrize("nothing", [5, "text", None, (1, 2), print])
def test_what_holds_no_parameters_is_refused(nothing: Any) -> None:
    with pytest.raises(UsageError, match="cannot be connected"):
        at_desk().connect(nothing)


def test_another_word_for_bad_overrides_is_refused() -> None:
    with pytest.raises(UsageError, match="on_bad_override"):
        at_desk().connect({}, on_bad_override="ignore")  # type: ignore[arg-type]
