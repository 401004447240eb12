"""What somebody types after ``--param``, and the values that are kept."""

from __future__ import annotations

import json
import math
import sys
from enum import Enum
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.errors import UsageError
from elsewhere.parameters.overrides import parse_override, typed, unknown
from elsewhere.parameters.values import ABSENT, json_text, plain, same


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Args/lr=0.1", 0.1),
        ("Args/n=5", 5),
        ("Args/n=-5", -5),
        ("Args/flag=true", True),
        ("Args/none=null", None),
        ("Args/list=[1, 2]", [1, 2]),
        ('Args/text="5"', "5"),
        ('Args/text="ä"', "ä"),
        ("Args/lr=1e-3", "1e-3"),
        ("Args/v=1.10", "1.10"),
        ("Args/id=007", "007"),
        ("Args/list=[1,2]", "[1,2]"),
        ("Args/flag=True", "True"),
        ("Args/text=", ""),
        ("Args/text= 5", " 5"),
        ("Args/expression=a=b", "a=b"),
        ("Args/path=/data/x", "/data/x"),
        ("General/model/depth=3", 3),
        ("Args/big=123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_only_what_is_written_as_json_is_written_gets_a_type(text: str, value: object) -> None:
    name, found = parse_override(text)
    assert name == text.partition("=")[0]
    assert same(found, value)


@pytest.mark.parametrize("text", ["", "lr=0.1", "Args/lr", "/lr=1", "Args/=1", "=1", " /x=1", "lr=a/b"])
def test_an_override_without_section_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="has no") as refusal:
        parse_override(text)
    assert "Args/lr=0.1" in refusal.value.next_step


@given(st.text())
def test_no_text_is_ever_changed_by_being_typed(text: str) -> None:
    value = typed(text)
    assert value == text or json.dumps(value, ensure_ascii=False) == text


def test_brackets_without_end_are_text() -> None:
    assert typed("[" * 100_000) == "[" * 100_000


def test_a_misspelt_parameter_gets_a_suggestion() -> None:
    known = ["Args/lr", "Args/epochs"]
    assert unknown(["Args/lrr"], known) == "unrecognized parameter Args/lrr; did you mean Args/lr?"
    assert unknown(["Args/q", "Args/epoch"], known) == (
        "unrecognized parameters Args/q, Args/epoch; did you mean Args/epochs?"
    )
    known = ["Args/lr", "General/lr", "Model/lr"]
    assert unknown(["Genral/lr"], known) == "unrecognized parameter Genral/lr; did you mean General/lr?"


class Colour(Enum):
    RED = "r"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Colour.RED, "RED"),
        (Path("/data/x"), "/data/x"),
        (PurePosixPath("a"), "a"),
        ((1, 2), "(1, 2)"),
        ({1: 2}, "{1: 2}"),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_what_json_cannot_hold_is_kept_as_text(value: object, kept: str) -> None:
    assert plain(value) == kept
    assert plain(value, lambda _: "as typed") == "as typed"


@pytest.mark.parametrize("value", [print, int, json, object(), lambda: 1, "\udcff", [print], sys.stdin])
def test_what_no_text_stands_for_is_not_kept(value: object) -> None:
    assert plain(value) is ABSENT


class Broken:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def test_an_object_whose_text_fails_is_not_kept() -> None:
    assert plain(Broken()) is ABSENT


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_values_are_kept_exactly(value: object) -> None:
    kept = plain(value)
    if kept is ABSENT:
        return  # text that cannot be encoded
    assert same(kept, value)
    if not (isinstance(kept, float) and math.isnan(kept)):
        assert same(json.loads(json_text(kept)), value)  # type: ignore[arg-type]


def test_types_are_part_of_equality() -> None:
    assert not same(1, 1.0)
    assert not same(1, True)
    assert not same("1", 1)
    assert same({"a": 1, "b": [2]}, {"b": [2], "a": 1})
