"""``argparse`` at a desk and in an attempt: real scripts, real interpreters, a real Relay."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elsewhere.contract.task import JSONValue
from elsewhere.startup import lay_sdk
from tests.parameters.desk import Desk, Ran

HEAD = """
import elsewhere
import argparse, json, sys
from enum import Enum
from pathlib import Path
class Colour(Enum):
    RED = "red"
    BLUE = "blue"
def show(args):
    print(json.dumps({key: repr(value) for key, value in sorted(vars(args).items())}))
parser = argparse.ArgumentParser()
"""
TAIL = """
show(parser.parse_args())
"""
RECORD = """
from elsewhere import Task
print(json.dumps(Task.init("digits", "svm").get_parameters()))
"""


def declared(*lines: str) -> str:
    return HEAD + "\n".join(f"parser.add_argument({line})" for line in lines) + TAIL


# Each: what is declared, what is typed at the desk, what is stored of it.
KINDS: dict[str, tuple[str, list[str], JSONValue]] = {
    "float": ('"--x", type=float, default=1.0', ["--x", "1e-3"], 0.001),
    "int": ('"--x", type=int', ["--x", "007"], 7),
    "int as float's default": ('"--x", type=float, default=1', [], 1),
    "text": ('"--x"', ["--x", "007"], "007"),
    "str": ('"--x", type=str, default="a b"', [], "a b"),
    "none": ('"--x", type=int', [], None),
    "untyped number": ('"--x", default=5', [], 5),
    "positional": ('"x", type=float', ["0.5"], 0.5),
    "optional positional": ('"x", nargs="?", default="d"', [], "d"),
    "list": ('"--x", nargs="+", type=float', ["--x", "1", "2.5"], [1.0, 2.5]),
    "pair": ('"--x", nargs=2, type=int, default=(3, 4)', [], [3, 4]),
    "one": ('"--x", nargs=1', ["--x", "a"], ["a"]),
    "star positional": ('"x", nargs="*", choices=["a", "b"]', ["b", "a"], ["b", "a"]),
    "const": ('"--x", nargs="?", const="7", type=int', ["--x"], 7),
    "append": ('"--x", action="append", type=int', ["--x", "1", "--x", "2"], [1, 2]),
    "append of lists": (
        '"--x", action="append", nargs="+"',
        ["--x", "1", "2", "--x", "3"],
        [["1", "2"], ["3"]],
    ),
    "append to a default": ('"--x", action="append", default=["z"]', ["--x", "1"], ["z", "1"]),
    "append paths": ('"--x", action="append", type=Path', ["--x", "a", "--x", "b"], ["a", "b"]),
    "extend": ('"--x", action="extend", nargs="+"', ["--x", "1", "2", "--x", "3"], ["1", "2", "3"]),
    "append_const": ('"--x", action="append_const", const=4', ["--x", "--x"], [4, 4]),
    "count": ('"-v", dest="x", action="count", default=0', ["-vvv"], 3),
    "store_true": ('"--x", action="store_true"', ["--x"], True),
    "store_false": ('"--x", action="store_false"', [], True),
    "boolean optional": ('"--x", action=argparse.BooleanOptionalAction', ["--no-x"], False),
    "store_const": ('"--x", action="store_const", const=Colour.RED', ["--x"], "RED"),
    "path": ('"--x", type=Path, default=Path("d")', ["--x", "/data/x"], "/data/x"),
    "path default": ('"--x", type=Path, default=Path("d")', [], "d"),
    "enum": ('"--x", type=Colour, choices=list(Colour)', ["--x", "blue"], "blue"),
    "enum by name": ('"--x", type=lambda t: Colour[t]', ["--x", "BLUE"], "BLUE"),
    "json": ('"--x", type=json.loads', ["--x", '{"a": [1, "b"]}'], {"a": [1, "b"]}),
    "tuple": ('"--x", type=lambda t: tuple(t.split(","))', ["--x", "a,b"], "a,b"),
    "split": ('"--x", type=lambda t: t.split(",")', ["--x", "a,b"], ["a", "b"]),
    "not idempotent": ('"--x", type=lambda t: t + "!"', ["--x", "a"], "a"),
    "remainder": ('"x", nargs=argparse.REMAINDER', ["a", "--b", "c"], ["a", "--b", "c"]),
    "infinity": ('"--x", type=float', ["--x", "inf"], float("inf")),
    "unicode": ('"--x"', ["--x", "Grüße"], "Grüße"),
}


@dataclass
class Both:
    """A run at a desk, and the same run in an attempt."""

    recorded: dict[str, JSONValue]
    shown: dict[str, str]
    attempt: Ran


def both(desk: Desk, script: str, arguments: list[str]) -> Both:
    at_desk = desk.run(script + RECORD, *arguments)
    recorded = at_desk.said
    attempt = desk.attempt(script, *arguments, stored=recorded)
    return Both(recorded, json.loads(at_desk.stdout.splitlines()[0]), attempt)


def is_option(kind: tuple[str, ...] | tuple[Any, ...]) -> bool:
    return '"-' in kind[0]


@pytest.fixture(scope="module")
def all_kinds_at_once(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """All options in one parser, each under a name of its own: two interpreters, not eighty."""
    options = [(named(kind, KINDS), KINDS[kind]) for kind in KINDS if is_option(KINDS[kind])]
    lines = [renamed(line, name) for name, (line, _, _) in options]
    arguments = [renamed(argument, name) for name, (_, typed, _) in options for argument in typed]
    return both(Desk(tmp_path_factory.mktemp("kinds")), declared(*lines), arguments)


def named(kind: str, kinds: dict[str, Any]) -> str:
    return f"x{list(kinds).index(kind)}"


def renamed(text: str, name: str) -> str:
    return re.sub(r"(?<![/\w])x\b", name, text)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if is_option(KINDS[kind])])
def test_an_option_is_recorded_at_the_desk_and_the_same_in_the_attempt(
    kind: str, all_kinds_at_once: Both
) -> None:
    name, stored, ran = named(kind, KINDS), KINDS[kind][2], all_kinds_at_once
    assert json.dumps(ran.recorded[f"Args/{name}"]) == json.dumps(stored)
    assert ran.attempt.said[name] == ran.shown[name]
    assert json.dumps(ran.attempt.parameters[f"Args/{name}"]) == json.dumps(stored)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not is_option(KINDS[kind])])
def test_a_positional_is_recorded_at_the_desk_and_the_same_in_the_attempt(kind: str, desk: Desk) -> None:
    line, arguments, stored = KINDS[kind]
    ran = both(desk, declared(line), arguments)
    assert ran.recorded == ran.attempt.parameters == {"Args/x": stored}
    assert ran.attempt.said == ran.shown


# Each: what is declared, what is on the command line, the override, the repr in the namespace.
OVERRIDDEN: dict[str, tuple[str, list[str], str, str]] = {
    "a default": ('"--x", type=float, default=1.0', [], "Args/x=0.5", "0.5"),
    "what was typed": ('"--x", type=float', ["--x", "3"], "Args/x=0.5", "0.5"),
    "float by an int": ('"--x", type=float', [], "Args/x=2", "2.0"),
    "float by text": ('"--x", type=float', [], "Args/x=1e-3", "0.001"),
    "int by text": ('"--x", type=int', [], "Args/x=007", "7"),
    "str by a number": ('"--x", type=str', [], "Args/x=5", "'5'"),
    "str by text": ('"--x", type=str', [], "Args/x=007", "'007'"),
    "untyped by a number": ('"--x"', [], "Args/x=1.5", "'1.5'"),
    "untyped by true": ('"--x"', [], "Args/x=true", "'true'"),
    "null": ('"--x", type=int, default=3', [], "Args/x=null", "None"),
    "bool": ('"--x", type=bool, default=True', [], "Args/x=false", "False"),
    "a required option": ('"--x", type=int, required=True', [], "Args/x=4", "4"),
    "a required positional": ('"x", type=int', [], "Args/x=4", "4"),
    "a typed positional": ('"x", type=int', ["3"], "Args/x=4", "4"),
    "list": ('"--x", nargs="+", type=float', ["--x", "9"], "Args/x=[1, 2]", "[1.0, 2.0]"),
    "list as typed": ('"--x", nargs="+", type=float', [], "Args/x=1 2e0", "[1.0, 2.0]"),
    "list of exact texts": ('"--x", nargs="*"', [], "Args/x=[1.10,007]", "['[1.10,007]']"),
    "list of json texts": ('"--x", nargs="*"', [], "Args/x=[1.10,1e3]", "['1.10', '1e3']"),
    "list by one": ('"--x", nargs="+", type=int', [], "Args/x=4", "[4]"),
    "positional list": ('"x", nargs="*", choices=["a", "b"]', ["a"], 'Args/x=["b"]', "['b']"),
    "append": ('"--x", action="append", type=int', ["--x", "1"], "Args/x=[5, 6]", "[5, 6]"),
    "append one": ('"--x", action="append"', ["--x", "1"], "Args/x=a b", "['a b']"),
    "append lists": ('"--x", action="append", nargs=2', [], 'Args/x=[["a", "b"]]', "[['a', 'b']]"),
    "count": ('"--x", action="count"', ["--x"], "Args/x=3", "3"),
    "store_true on": ('"--x", action="store_true"', [], "Args/x=true", "True"),
    "store_true off": ('"--x", action="store_true"', ["--x"], "Args/x=False", "False"),
    "store_false": ('"--x", action="store_false"', [], "Args/x=false", "False"),
    "boolean optional": ('"--x", action=argparse.BooleanOptionalAction', ["--no-x"], "Args/x=1", "True"),
    "store_const": ('"--x", action="store_const", const=Colour.RED', [], "Args/x=RED", "<Colour.RED: 'red'>"),
    "enum": ('"--x", type=Colour, choices=list(Colour)', [], "Args/x=blue", "<Colour.BLUE: 'blue'>"),
    "json": ('"--x", type=json.loads', [], 'Args/x={"a": 1}', "{'a': 1}"),
    "json as typed": ('"--x", type=json.loads', [], 'Args/x={"a":1}', "{'a': 1}"),
    "not idempotent": ('"--x", type=lambda t: t + "!"', ["--x", "a"], "Args/x=b", "'b!'"),
    "suppressed": ('"--x", default=argparse.SUPPRESS', [], "Args/x=b", "'b'"),
    "choices": ('"--x", choices=["a", "b"]', [], "Args/x=b", "'b'"),
    "choices of ints": ('"--x", type=int, choices=range(5)', [], "Args/x=3", "3"),
}


@pytest.fixture(scope="module")
def all_overridden_at_once(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    options = [
        (named(kind, OVERRIDDEN), OVERRIDDEN[kind]) for kind in OVERRIDDEN if is_option(OVERRIDDEN[kind])
    ]
    return Desk(tmp_path_factory.mktemp("overridden")).attempt(
        declared(*(renamed(line, name) for name, (line, _, _, _) in options)),
        *(renamed(argument, name) for name, (_, typed, _, _) in options for argument in typed),
        overrides=tuple(override.replace("/x=", f"/{name}=", 1) for name, (_, _, override, _) in options),
    )


@pytest.mark.parametrize("kind", [kind for kind in OVERRIDDEN if is_option(OVERRIDDEN[kind])])
def test_an_override_is_what_the_parse_of_an_option_results_in(
    kind: str, all_overridden_at_once: Ran
) -> None:
    name = named(kind, OVERRIDDEN)
    assert all_overridden_at_once.said[name] == OVERRIDDEN[kind][3]
    assert f"Args/{name}" in all_overridden_at_once.used


@pytest.mark.parametrize("kind", [kind for kind in OVERRIDDEN if not is_option(OVERRIDDEN[kind])])
def test_an_override_is_what_the_parse_of_a_positional_results_in(kind: str, desk: Desk) -> None:
    line, arguments, override, shown = OVERRIDDEN[kind]
    ran = desk.attempt(declared(line), *arguments, overrides=(override,))
    assert ran.said == {"x": shown}
    assert ran.used == {"Args/x"}


# Each: what is declared, the override, what the error says.
REFUSED: dict[str, tuple[str, str, str]] = {
    "no float": ('"--x", type=float', "Args/x=abc", "parameter Args/x: invalid float value: 'abc'"),
    "no int": ('"--x", type=int', "Args/x=1.5", "parameter Args/x: invalid int value: '1.5'"),
    "no choice": ('"--x", choices=["a", "b"]', "Args/x=c", "parameter Args/x: invalid choice: 'c'"),
    "no choice in a list": ('"--x", nargs="+", choices="ab"', 'Args/x=["a", "c"]', "invalid choice: 'c'"),
    "too few": ('"--x", nargs=2', 'Args/x=["a"]', "parameter Args/x: expected 2 values, found 1"),
    "none": ('"--x", nargs="+"', "Args/x=[]", "parameter Args/x: expected at least one value"),
    "no flag": ('"--x", action="store_true"', "Args/x=2", "parameter Args/x: invalid value: 2"),
    "no count": ('"--x", action="count"', "Args/x=many", "parameter Args/x: invalid int value: 'many'"),
    "unclosed quote": ('"--x", nargs="+"', "Args/x=a 'b", "parameter Args/x: invalid list"),
    "misspelt": ('"--lr"', "Args/lrr=1", "unrecognized parameter Args/lrr; did you mean Args/lr?"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_override_is_refused_as_a_wrong_option_is(kind: str, desk: Desk) -> None:
    line, override, message = REFUSED[kind]
    ran = desk.attempt(declared(line), overrides=(override,))
    assert ran.code == 2
    assert ran.stderr.startswith("usage: train.py")
    assert f"train.py: error: {message}" in ran.stderr or message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_stored_value_outside_the_choices_is_no_error_where_the_default_was(desk: Desk) -> None:
    ran = desk.attempt(declared('"--x", choices=["a"], default="auto"'), stored={"Args/x": "auto"})
    assert ran.said == {"x": "'auto'"}


def test_what_is_not_stored_is_left_to_the_real_command_line(desk: Desk) -> None:
    script = declared('"--x", type=int', '"--y", type=int, default=2')
    ran = desk.attempt(script, "--x", "1", overrides=("Args/y=3",))
    assert ran.said == {"x": "1", "y": "3"}
    assert ran.parameters == {"Args/x": 1, "Args/y": 3}


def test_the_real_command_line_is_still_checked(desk: Desk) -> None:
    ran = desk.attempt(declared('"--x", type=int'), "--q", overrides=("Args/x=3",))
    assert ran.code == 2
    assert "unrecognized arguments: --q" in ran.stderr


def test_the_parser_is_given_back_as_it_was(desk: Desk) -> None:
    script = declared('"--x", type=int, default=1', '"y", type=int') + (
        'actions = {a.dest: a for a in parser._actions}\nprint(json.dumps([parser.get_default("x"), '
        'actions["y"].required, vars(parser.parse_args(["7"]))]))'
    )
    ran = desk.attempt(script, overrides=("Args/x=3", "Args/y=4"))
    assert ran.said == [1, True, {"x": 1, "y": 7}]


def test_help_shows_the_overridden_default(desk: Desk) -> None:
    script = HEAD + (
        "parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter\n"
        'parser.add_argument("--x", type=int, default=1, help="depth")' + TAIL
    )
    ran = desk.attempt(script, "--help", overrides=("Args/x=3",))
    assert ran.code == 0
    assert "(default: 3)" in ran.stdout


def test_parse_known_args_takes_leftovers_of_both_kinds(desk: Desk) -> None:
    script = HEAD + (
        'parser.add_argument("--x", type=int)\nargs, rest = parser.parse_known_args()\n'
        "print(json.dumps([args.x, rest]))"
    )
    ran = desk.attempt(script, "--q", "1", overrides=("Args/x=3", "Args/unknown=1"))
    assert ran.said == [3, ["--q", "1"]]
    assert ran.used == {"Args/x"}


def test_a_first_parser_that_reads_its_own_options_only_does_not_disturb(desk: Desk) -> None:
    script = HEAD + (
        'first = argparse.ArgumentParser(add_help=False)\nfirst.add_argument("--config", default="a")\n'
        "known, rest = first.parse_known_args()\n"
        'parser.add_argument("--x", type=int)\n'
        "print(json.dumps([known.config, parser.parse_args(rest if rest else None).x]))"
    )
    ran = desk.attempt(script, overrides=("Args/config=b", "Args/x=3"))
    assert ran.said == ["b", 3]
    assert ran.used == {"Args/config", "Args/x"}


def test_a_library_that_parses_a_list_of_its_own_is_left_alone(desk: Desk) -> None:
    script = declared('"--x", type=int') + (
        'other = argparse.ArgumentParser()\nother.add_argument("--x", default="mine")\n'
        'print(json.dumps([other.parse_args([]).x, other.parse_args(["--x", "a"]).x]))'
    )
    assert desk.attempt(script, "--x", "1", overrides=("Args/x=3",)).said == ["mine", "a"]
    unrelated = declared('"--x", type=int') + (
        'other = argparse.ArgumentParser()\nother.add_argument("--y", default="mine")\n'
        "print(json.dumps(other.parse_args([]).y))"
    )
    assert desk.attempt(unrelated, overrides=("Args/x=3",)).said == "mine"


def test_the_command_line_handed_over_as_a_list_is_the_command_line(desk: Desk) -> None:
    script = HEAD + 'parser.add_argument("--x", type=int)\nshow(parser.parse_args(sys.argv[1:]))'
    assert desk.attempt(script, "--x", "1", overrides=("Args/x=3",)).said == {"x": "3"}
    assert desk.attempt(script, overrides=("Args/x=3",)).said == {"x": "3"}


def test_a_namespace_that_is_reused_holds_the_override(desk: Desk) -> None:
    script = HEAD + (
        'parser.add_argument("--x", type=int)\nspace = argparse.Namespace(x=9, other=object)\n'
        "assert parser.parse_args(namespace=space) is space\nprint(json.dumps(space.x))"
    )
    assert desk.attempt(script, overrides=("Args/x=3",)).said == 3


def test_groups_and_parents_are_part_of_the_parser(desk: Desk) -> None:
    script = HEAD + (
        "base = argparse.ArgumentParser(add_help=False)\nbase.add_argument('--a', type=int)\n"
        "parser = argparse.ArgumentParser(parents=[base])\n"
        "parser.add_argument_group('g').add_argument('--b', type=int)\n"
        "either = parser.add_mutually_exclusive_group(required=True)\n"
        "either.add_argument('--c', type=int)\neither.add_argument('--d', type=int)" + TAIL
    )
    ran = desk.attempt(script, overrides=("Args/a=1", "Args/b=2", "Args/d=4"))
    assert ran.said == {"a": "1", "b": "2", "c": "None", "d": "4"}


SUBCOMMANDS = HEAD + (
    "parser.add_argument('--seed', type=int, default=0)\n"
    "commands = parser.add_subparsers(dest='command', required=True)\n"
    "train = commands.add_parser('train', aliases=['t'])\n"
    "train.add_argument('--lr', type=float, required=True)\n"
    "train.set_defaults(run=print, mode='fast')\n"
    "score = commands.add_parser('score')\nscore.add_argument('--lr', default='none')\n"
    "args = parser.parse_args()\nvars(args).pop('run', None)\nshow(args)"
)


def test_subcommands_are_recorded_and_overridden(desk: Desk) -> None:
    recorded = desk.run(SUBCOMMANDS + RECORD, "train", "--lr", "2").said
    assert recorded == {"Args/seed": 0, "Args/command": "train", "Args/lr": 2.0, "Args/mode": "fast"}
    ran = desk.attempt(SUBCOMMANDS, "train", "--lr", "2", stored=recorded, overrides=("Args/lr=3",))
    assert ran.said == {"command": "'train'", "lr": "3.0", "mode": "'fast'", "seed": "0"}
    ran = desk.attempt(SUBCOMMANDS, "score", overrides=("Args/lr=3",))
    assert ran.said == {"command": "'score'", "lr": "'3'", "seed": "0"}


def test_a_subcommand_may_be_chosen_by_an_override_alone(desk: Desk) -> None:
    ran = desk.attempt(SUBCOMMANDS, overrides=("Args/command=train", "Args/lr=3", "Args/seed=1"))
    assert ran.said == {"command": "'train'", "lr": "3.0", "mode": "'fast'", "seed": "1"}
    assert ran.used == {"Args/command", "Args/lr", "Args/seed"}


@pytest.mark.parametrize(
    ("arguments", "override", "message"),
    [
        (["score"], "Args/command=train", "the command line chose 'score'"),
        ([], "Args/command=tran", "invalid choice: 'tran'"),
        (["score"], "Args/mode=slow", "unrecognized parameter Args/mode"),
        ([], "Args/command=train", "the following arguments are required: --lr"),
    ],
)
def test_a_subcommand_that_cannot_be_is_refused(
    arguments: list[str], override: str, message: str, desk: Desk
) -> None:
    ran = desk.attempt(SUBCOMMANDS, *arguments, overrides=(override,))
    assert ran.code == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_intermixed_arguments_are_overridden(desk: Desk) -> None:
    script = HEAD + (
        "parser.add_argument('--x', type=int)\nparser.add_argument('cmd')\n"
        "parser.add_argument('rest', nargs='*', type=int)\nshow(parser.parse_intermixed_args())"
    )
    ran = desk.attempt(script, "go", "1", "--x", "4", "2", overrides=("Args/x=3", "Args/rest=[7, 8]"))
    assert ran.said == {"x": "3", "cmd": "'go'", "rest": "[7, 8]"}
    ran = desk.attempt(script, "go", overrides=("Args/lrr=3",))
    assert (ran.code, "unrecognized parameter Args/lrr" in ran.stderr) == (2, True)


def test_arguments_from_a_file_are_recorded_as_values(desk: Desk) -> None:
    (desk.folder / "more.txt").write_text("--x\n5\n")
    script = HEAD + (
        "parser = argparse.ArgumentParser(fromfile_prefix_chars='@')\nparser.add_argument('--x', type=int)"
        + TAIL
    )
    recorded = desk.run(script + RECORD, "@more.txt").said
    assert recorded == {"Args/x": 5}
    assert desk.attempt(script, "@more.txt", stored=recorded, overrides=("Args/x=6",)).said == {"x": "6"}


def test_a_file_is_opened_once_and_stored_by_its_name(desk: Desk) -> None:
    script = HEAD + (
        "opened = []\n"
        "class Logged:\n"
        "    def __init__(self, name): self.name = name; opened.append(name)\n"
        "parser.add_argument('--x', type=Logged)\nargs = parser.parse_args()\n"
        "print(json.dumps([args.x.name, opened]))"
    )
    recorded = desk.run(script + RECORD, "--x", "out").said
    assert recorded == {"Args/x": "out"}
    assert desk.attempt(script, "--x", "out", stored=recorded).said == ["out", ["out"]]
    assert desk.attempt(script, overrides=("Args/x=a",)).said == ["a", ["a"]]


def test_a_parser_of_one_s_own_class_is_overridden(desk: Desk) -> None:
    script = HEAD + (
        "class Mine(argparse.ArgumentParser):\n"
        "    def parse_args(self, args=None, namespace=None):\n"
        "        return super().parse_args(args, namespace)\n"
        "    def parse_known_args(self, args=None, namespace=None):\n"
        "        return super().parse_known_args(args, namespace)\n"
        "parser = Mine()\nparser.add_argument('--x', type=int)" + TAIL
    )
    assert desk.attempt(script, overrides=("Args/x=3",)).said == {"x": "3"}
    assert desk.attempt(script, overrides=("Args/y=3",)).code == 2


def test_a_type_that_parses_by_a_parser_of_its_own_works(desk: Desk) -> None:
    script = HEAD + (
        "inner = argparse.ArgumentParser()\ninner.add_argument('--x', type=int, default=0)\n"
        "parser.add_argument('--x', type=lambda text: inner.parse_args(text.split()).x)" + TAIL
    )
    assert desk.attempt(script, overrides=("Args/x=--x 3",)).said == {"x": "3"}
    assert desk.attempt(script, "--x=--x 4").said == {"x": "4"}


def test_threads_parse_each_for_itself(desk: Desk) -> None:
    script = HEAD + (
        "import threading\nfound = []\n"
        "def parse():\n"
        "    mine = argparse.ArgumentParser()\n    mine.add_argument('--x', type=int, default=1)\n"
        "    found.append(mine.parse_args().x)\n"
        "threads = [threading.Thread(target=parse) for _ in range(8)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\nprint(json.dumps(found))"
    )
    assert desk.attempt(script, overrides=("Args/x=3",)).said == [3] * 8


def test_a_parser_with_objects_is_recorded_without_them(desk: Desk) -> None:
    script = HEAD + "parser.add_argument('--x', default=print)\nparser.set_defaults(f=print, n=3)" + TAIL
    ran = desk.run(script + RECORD)
    assert ran.said == {"Args/n": 3}


@pytest.mark.parametrize("place", ["before", "after", "between"])
def test_init_before_or_after_the_parse_finds_its_values(place: str, desk: Desk) -> None:
    parts = {
        "before": "from elsewhere import Task\nt = Task.init('digits', 'svm')\nimport argparse, json\nPARSE",
        "after": "import argparse, json\nfrom elsewhere import Task\nPARSE\nt = Task.init('digits', 'svm')",
        "between": "import elsewhere, argparse, json\nPARSE\nt = elsewhere.Task.init('digits', 'svm')",
    }
    parse = "p = argparse.ArgumentParser()\np.add_argument('--C', type=float)\np.parse_args()"
    script = parts[place].replace("PARSE", parse) + "\nprint(json.dumps(t.get_parameters()))"
    assert desk.run(script, "--C", "0.5").said == {"Args/C": 0.5}


def test_a_parser_may_be_left_alone_on_demand(desk: Desk) -> None:
    script = (
        "import argparse, json\nfrom elsewhere import Task\np = argparse.ArgumentParser()\n"
        "p.add_argument('--C', type=float)\nFIRST\n"
        "t = Task.init('digits', 'svm', auto_connect_arg_parser=False)\n"
        "args = p.parse_args()\nprint(json.dumps([args.C, t.get_parameters()]))"
    )
    assert desk.run(script.replace("FIRST", ""), "--C", "0.5").said == [0.5, {}]
    assert desk.run(script.replace("FIRST", "p.parse_args()"), "--C", "0.5").said == [0.5, {}]
    attempt = desk.attempt(script.replace("FIRST", ""), "--C", "0.5", overrides=("Args/C=2",))
    assert attempt.said == [0.5, {"Args/C": 2}]


def test_what_was_set_by_hand_is_kept_as_it_was_said_where_the_type_is_the_script_s(desk: Desk) -> None:
    script = declared('"--x", type=lambda t: t.split(",")', '"--y", type=float')
    first = desk.attempt(script, overrides=("Args/x=c,d", "Args/y=1e-3"))
    assert first.parameters == {"Args/x": "c,d", "Args/y": 0.001}
    assert first.said == {"x": "['c', 'd']", "y": "0.001"}


def test_an_attempt_without_its_supervisor_does_not_run_with_other_values(desk: Desk, tmp_path: Path) -> None:
    environment = desk.environment(
        PYTHONPATH=str(lay_sdk(tmp_path / "sdk")), ELSEWHERE_RELAY=str(tmp_path / "none"), ELSEWHERE_MAIN="1"
    )
    ran: Ran = desk.start(desk.write(declared('"--x"')), (), environment)
    assert ran.code == 15
    assert "does not answer" in ran.stderr
    assert "Traceback" not in ran.stderr
