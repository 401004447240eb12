"""Configurations: what was kept comes back as the script has it."""

from __future__ import annotations

import enum
import json
from collections import namedtuple
from pathlib import Path, PurePosixPath
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.configurations.connecting import replaced, written
from elsewhere.contract.errors import ParameterError
from elsewhere.contract.write import ConfigurationSet


class Optimizer(enum.Enum):
    ADAM = "adam"
    BETAS = (0.9, 0.99)


Size = namedtuple("Size", "width height")


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.sampled_from(["\ud800", PurePosixPath("a/b"), Path("/x"), *Optimizer, numpy.float32(0.1), numpy.int8(3)])
    | st.sampled_from([numpy.float64(0.1), numpy.bool_(True), numpy.str_("é"), Size(1, (2, 3)), ()])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=15,
)
WHOLE = st.dictionaries(st.text(), VALUES, max_size=4) | st.lists(VALUES, max_size=4)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def nearly(one: Any, other: Any) -> bool:
    """Whether two values that were JSON are the same, but for fractions that a type has rounded."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(nearly(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(nearly, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-37)
    return bool(one == other)


@given(WHOLE)
def test_what_is_kept_comes_back_equal_and_of_equal_types(value: Any) -> None:
    kept = written("x", value, "")
    copied = value.copy()
    assert replaced(kept, copied) is copied
    assert same(copied, value)


@given(WHOLE, WHOLE)
def test_whatever_the_script_has_what_was_kept_counts(kept: Any, own: Any) -> None:
    stored = written("x", kept, "")
    if type(kept) is not type(own):
        with pytest.raises(ParameterError, match="the script has a"):
            replaced(stored, own)
    else:
        now = json.loads(written("x", replaced(stored, own), "").data)
        assert nearly(now, json.loads(stored.data))


def test_what_a_person_changed_gets_the_types_of_the_script() -> None:
    own = {
        "betas": (0.9, 0.99), "out": Path("a"), "how": Optimizer.ADAM, "names": {0: "cat"}, "rate": numpy.float32(1),
        "whole": numpy.int8(1), "layers": [(1, 2)], "size": Size(1, 2), "flag": numpy.bool_(True),
    }  # fmt: skip
    edited = {
        "betas": [0.5], "out": "b/c", "how": "BETAS", "names": {"0": "dog", "12": "fox", "x": "?"}, "rate": 0.5,
        "whole": 1000, "layers": [[3, 4], [5, 6]], "size": [1, 2, 3], "flag": "False", "new": [1],
    }  # fmt: skip
    got = replaced(ConfigurationSet("x", json.dumps(edited).encode()), own)
    expected = {
        "betas": (0.5,), "out": Path("b/c"), "how": Optimizer.BETAS, "names": {0: "dog", 12: "fox", "x": "?"},
        "rate": numpy.float32(0.5), "whole": 1000, "layers": [(3, 4), (5, 6)], "size": (1, 2, 3), "flag": "False",
        "new": [1],
    }  # fmt: skip
    assert same(got, expected)


def test_a_text_by_hand_is_read_in_its_own_format() -> None:
    yaml = ConfigurationSet("x", b"lr: 0.5\nbetas: [1, 2]", ".yaml")
    assert replaced(yaml, {"lr": 1, "betas": (0,)}) == {"lr": 0.5, "betas": (1, 2)}
