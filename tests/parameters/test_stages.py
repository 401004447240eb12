"""A command line that several parsers read: in stages, split by hand, or behind a launcher."""

from __future__ import annotations

import pytest

from tests.parameters.desk import Desk
from tests.parameters.test_argparse import HEAD, RECORD

STAGES = (
    "import argparse, json, sys\nfirst = argparse.ArgumentParser(add_help=False)\n"
    'first.add_argument("--config", default="a")\nknown, rest = first.parse_known_args()\n'
    'second = argparse.ArgumentParser()\nsecond.add_argument("--x", type=int)\n'
    "print(json.dumps([known.config, second.parse_args(rest).x]))"
)


@pytest.mark.parametrize(
    "words", [("--config", "b"), ("--config", "b", "--x", "1"), ("--x", "1", "--config", "b")]
)
def test_what_one_parser_left_to_another_is_of_the_command_line(words: tuple[str, ...], desk: Desk) -> None:
    assert "Args/x" in desk.run("import elsewhere\n" + STAGES + RECORD, *words).said
    ran = desk.attempt(STAGES, *words, overrides=("Args/x=3",))
    assert ran.said == ["b", 3]
    assert ran.used == {"Args/x"}
    assert "unrecognized parameter Args/y" in desk.attempt(STAGES, *words, overrides=("Args/y=3",)).stderr


def test_a_script_may_split_its_command_line_by_hand(desk: Desk) -> None:
    script = HEAD + (
        'parser.add_argument("--x", type=int)\nfirst = argparse.ArgumentParser()\n'
        'first.add_argument("command")\ncommand = first.parse_args(sys.argv[1:2]).command\n'
        "print(json.dumps([command, parser.parse_args(sys.argv[2:]).x]))"
    )
    ran = desk.attempt(script, "train", "--x", "1", overrides=("Args/x=3",))
    assert ran.said == ["train", 3]
    assert ran.used == {"Args/x"}


def test_an_equal_list_of_a_library_s_own_is_left_alone(desk: Desk) -> None:
    script = HEAD + (
        'parser.add_argument("--x", type=int)\nparser.add_argument("--y")\nparser.parse_args()\n'
        'other = argparse.ArgumentParser()\nother.add_argument("--x", type=int)\n'
        'print(json.dumps(other.parse_args(["--x", "1"]).x))'
    )
    assert desk.attempt(script, "--x", "1", "--y", "2", overrides=("Args/x=3",)).said == 1


def test_a_launcher_leaves_what_it_does_not_know_to_what_it_starts(desk: Desk) -> None:
    script = (
        "import argparse, json, subprocess, sys\nparser = argparse.ArgumentParser()\n"
        "if len(sys.argv) > 1 and sys.argv[1] == '--processes':\n"
        '    parser.add_argument("--processes", type=int)\n'
        '    parser.add_argument("rest", nargs=argparse.REMAINDER)\n'
        "    args = parser.parse_args()\n"
        "    sys.exit(subprocess.call([sys.executable, *args.rest]))\n"
        'parser.add_argument("--x", type=int)\nprint(json.dumps(parser.parse_args().x))'
    )
    ran = desk.attempt(script, "--processes", "1", "train.py", "--x", "1", overrides=("Args/x=3",))
    assert ran.said == 3
    assert ran.used == {"Args/x"}
