"""Each parser with its real library: at a desk, replayed in an attempt, overridden, alone, refused."""

from __future__ import annotations

import json
import re

import pytest

from elsewhere.contract.task import JSONValue
from tests.parameters.desk import Desk, Ran
from tests.parameters.parsers import ENVIRONMENT, PARSERS, parsed


def values(ran: Ran) -> tuple[dict[str, str], dict[str, JSONValue]]:
    assert ran.code == 0, ran.stderr
    said, stored = ran.stdout.splitlines()[-2:]
    return json.loads(said), json.loads(stored)


def without_addresses(ran: Ran) -> str:
    return re.sub("at 0x[0-9a-f]+", "", ran.stdout)


@pytest.mark.parametrize("kind", PARSERS)
class TestEachParser:
    """What holds for every library that parses a command line."""

    def test_a_desk_records_typed_values_and_an_attempt_gets_the_same(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        said, recorded = values(desk.run(script, *parser.arguments, **ENVIRONMENT))
        assert {name: json.dumps(value) for name, value in recorded.items()} == {
            name: json.dumps(value) for name, value in parser.recorded.items()
        }
        attempt = desk.attempt(script, *parser.arguments, stored=recorded, **ENVIRONMENT)
        assert values(attempt) == (said, recorded)
        assert attempt.used == set()

    def test_overrides_win_over_what_was_typed_as_the_parser_types_them(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        attempt = desk.attempt(
            script,
            *parser.arguments,
            stored=parser.recorded,
            overrides=tuple(parser.overrides),
            **ENVIRONMENT,
        )
        assert values(attempt)[0] == parser.said
        assert attempt.used == {each.partition("=")[0] for each in parser.overrides}

    def test_overrides_stand_for_what_is_required_and_was_not_typed(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        attempt = desk.attempt(script, *parser.needs, overrides=tuple(parser.overrides), **ENVIRONMENT)
        assert values(attempt)[0] == parser.said

    def test_what_cannot_be_cast_is_refused_by_name(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        if parser.wrong and parser.message:
            ran = desk.attempt(script, *parser.arguments, overrides=(parser.wrong,), **ENVIRONMENT)
            assert ran.code == parser.code, ran.stderr
            assert parser.message in ran.stderr
            assert '"lr"' not in ran.stdout

    def test_an_override_that_nothing_reads_is_refused_or_never_said_to_be_used(
        self, kind: str, desk: Desk
    ) -> None:
        script, parser = parsed(kind)
        ran = desk.attempt(script, *parser.arguments, overrides=(parser.unknown,), **ENVIRONMENT)
        assert ran.code == parser.unknown_code, ran.stderr
        assert ran.used == set()
        if ran.code:
            assert parser.unknown.partition("=")[0].partition("/")[2] in ran.stderr

    def test_help_and_mistakes_are_the_library_s_own(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        bare = script.replace("import elsewhere\n", "")
        for arguments in (["--help"], parser.mistyped):
            without = desk.run(bare, *arguments, **ENVIRONMENT)
            at_desk = desk.run(script, *arguments, **ENVIRONMENT)
            assert (at_desk.code, without_addresses(at_desk)) == (without.code, without_addresses(without))
            assert at_desk.stderr.splitlines()[-1:] == without.stderr.splitlines()[-1:]

    def test_what_is_filtered_out_is_neither_recorded_nor_overridden(self, kind: str, desk: Desk) -> None:
        script, parser = parsed(kind)
        kept = next(name for name in parser.recorded if name.endswith("lr"))
        choice = {kept: True, "*": False}
        start = f'import elsewhere\nelsewhere.Task.init("digits", "svm", auto_connect_arg_parser={choice})'
        script = script.replace("import elsewhere", start, 1)
        at_desk, recorded = values(desk.run(script, *parser.arguments, **ENVIRONMENT))
        assert recorded == {kept: parser.recorded[kept]}
        attempt = desk.attempt(script, *parser.arguments, overrides=tuple(parser.overrides), **ENVIRONMENT)
        expected = {**at_desk, "lr": parser.said["lr"]}
        if "twice" in expected:  # an interpolation of it
            expected["twice"] = expected["lr"]
        assert values(attempt)[0] == expected
        assert attempt.used == {kept}
