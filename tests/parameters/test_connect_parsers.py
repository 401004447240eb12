"""Parsers that are connected, and to which of several tasks a parse belongs: real scripts, a real Relay."""

from __future__ import annotations

from tests.parameters.desk import Desk

BEGIN = """
import elsewhere, argparse, enum, json, pathlib
from elsewhere import Task
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--path", type=pathlib.Path, default=pathlib.Path("a"))
parser.add_argument("--secret", default="x")
class Colour(enum.Enum):
    RED = "r"
parser.add_argument("--colour", type=Colour, default=Colour.RED)
def say(*values):
    print(json.dumps([repr(value) if not isinstance(value, dict) else value for value in values]))
"""
HIDDEN = BEGIN + 'task = Task.init("digits", "svm", auto_connect_arg_parser=False)\n'


def test_a_connected_parser_counts_though_others_are_left_alone(desk: Desk) -> None:
    script = HIDDEN + "assert task.connect(parser) is parser\nargs = parser.parse_args()\n"
    at_desk = desk.run(script + "say(task.get_parameters())", "--lr", "0.5")
    assert at_desk.said[0]["Args/lr"] == 0.5
    attempt = desk.attempt(script + "say(args.lr)", overrides=("Args/lr=0.7", "Args/lrr=1"))
    assert attempt.code == 2
    assert "did you mean Args/lr?" in attempt.stderr
    attempt = desk.attempt(script + "say(args.lr)", overrides=("Args/lr=0.7",))
    assert (attempt.said, attempt.used) == (["0.7"], {"Args/lr"})
    assert attempt.parameters["Args/lr"] == 0.7


def test_a_connected_parser_counts_for_a_list_of_the_script_s_own(desk: Desk) -> None:
    script = BEGIN + (
        'task = Task.init("digits", "svm")\ntask.connect(parser)\nargs = parser.parse_args(["--lr", "3"])\nsay(args.lr)'
    )
    assert desk.attempt(script, overrides=("Args/lr=0.7",)).said == ["0.7"]


def test_a_namespace_that_was_parsed_is_connected_without_changing_what_the_parse_made(desk: Desk) -> None:
    script = BEGIN + (
        'args = parser.parse_args()\ntask = Task.init("digits", "svm")\n'
        "assert task.connect(args) is args\nsay(args.lr, args.path, args.colour, task.get_parameters())"
    )
    at_desk = desk.run(script, "--colour", "r").said
    assert at_desk[3] == {"Args/lr": 0.1, "Args/path": "a", "Args/secret": "x", "Args/colour": "r"}
    attempt = desk.attempt(script, "--colour", "r", stored=at_desk[3], overrides=("Args/path=b",))
    assert attempt.said == ["0.1", "PosixPath('b')", "<Colour.RED: 'r'>", {**at_desk[3], "Args/path": "b"}]
    assert attempt.used == {"Args/path"}


def test_a_namespace_of_a_parser_left_alone_is_connected_by_its_values(desk: Desk) -> None:
    script = HIDDEN + "args = task.connect(parser.parse_args())\nsay(args.lr, args.path, args.colour)"
    attempt = desk.attempt(script, overrides=("Args/lr=2", "Args/path=b", "Args/colour=RED"))
    assert attempt.said == ["2.0", "PosixPath('b')", "<Colour.RED: 'r'>"]


def test_what_a_filter_leaves_out_stays_out_of_a_connected_namespace(desk: Desk) -> None:
    script = BEGIN + (
        'task = Task.init("digits", "svm", auto_connect_arg_parser={"secret": False})\n'
        "task.connect(parser.parse_args())\nsay(task.get_parameters())"
    )
    assert set(desk.run(script).said[0]) == {"Args/lr", "Args/path", "Args/colour"}


def test_a_parse_belongs_to_the_newest_open_task_and_one_before_all_to_the_first(desk: Desk) -> None:
    script = BEGIN + (
        "parser.parse_args()\n"
        "other = argparse.ArgumentParser()\nother.add_argument('--x', type=int, default=1)\n"
        'one = Task.init("digits", "one")\ntwo = Task.init("digits", "two")\n'
        "other.parse_known_args()\nfirst, second = one.get_parameters(), two.get_parameters()\n"
        "two.close()\nother.set_defaults(x=5)\nother.parse_known_args()\n"
        "say(first, second, one.get_parameters())"
    )
    first, second, later = desk.run(script).said
    assert set(first) == {"Args/lr", "Args/path", "Args/secret", "Args/colour"}
    assert second == {"Args/x": 1}
    assert later == {**first, "Args/x": 5}


DERIVED = BEGIN + (
    'task = Task.init("digits", "svm")\nargs = parser.parse_args()\n'
    'model = task.connect({"optimizer": {"lr": args.lr}, "twice": args.lr * 2, "seed": 1}, name="Model")\n'
    "given = task.connect(vars(args))\nsay(model, args.lr, args.path)"
)


def test_what_a_script_takes_over_from_an_override_is_not_put_back_to_what_was_recorded(desk: Desk) -> None:
    at_desk = desk.run(DERIVED + "\nsay(task.get_parameters())").said[0]
    assert at_desk["Model/optimizer/lr"] == at_desk["General/lr"] == 0.1
    attempt = desk.attempt(
        DERIVED.replace('"seed": 1', '"seed": 2'), stored=at_desk, overrides=("Args/lr=0.7", "Args/path=b")
    )
    assert attempt.said == [{"optimizer": {"lr": 0.7}, "twice": 0.2, "seed": 1}, "0.7", "PosixPath('b')"]
    assert attempt.parameters["Model/optimizer/lr"] == attempt.parameters["General/lr"] == 0.7
    assert "Model/twice is 0.2 as recorded, not the script's own 1.4" in attempt.stderr
    assert "Model/seed is 1 as recorded" in attempt.stderr
    assert "lr is" not in attempt.stderr


def test_what_was_recorded_holds_where_it_is_set_by_hand_or_nothing_else_is(desk: Desk) -> None:
    at_desk = desk.run(DERIVED + "\nsay(task.get_parameters())").said[0]
    attempt = desk.attempt(DERIVED, stored=at_desk, overrides=("Args/lr=0.7", "General/lr=0.9"))
    assert attempt.said[1] == "0.9"
    attempt = desk.attempt(DERIVED.replace('"seed": 1', '"seed": 2'), stored=at_desk)
    assert attempt.said[0]["seed"] == 1
    assert "as recorded" not in attempt.stderr


def test_no_parser_refuses_what_a_connected_namespace_reads(desk: Desk) -> None:
    script = BEGIN + (
        'task = Task.init("digits", "svm")\nspace = task.connect(argparse.Namespace(rounds=3))\n'
        "parser.parse_args()\nsay(space.rounds)"
    )
    assert desk.attempt(script, overrides=("Args/rounds=5",)).said == ["5"]
