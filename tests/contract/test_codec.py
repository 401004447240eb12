from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elsewhere.contract.codec import SCHEMA, decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.events import Event
from elsewhere.contract.lease import Claim, Lease
from elsewhere.contract.outcome import Exited, Lost, NeverRan, Stopped
from elsewhere.contract.spec import Blob, Entry, Image, Needs, Packages, RecordedFile, Source, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest, TaskRecord

# Lone surrogates cannot be written as UTF-8; everything else is text.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(0, 2**63)
blobs = st.builds(Blob, texts, numbers)
specs = st.builds(
    TaskSpec,
    entry=st.builds(Entry, texts, st.sampled_from(["script", "module"]), texts, st.lists(texts).map(tuple)),
    source=st.builds(Source, *[st.none() | texts] * 4, *[st.none() | blobs] * 3),
    packages=st.builds(
        Packages,
        texts,
        st.lists(texts).map(tuple),
        st.lists(texts).map(tuple),
        st.lists(st.builds(RecordedFile, texts, texts), max_size=3).map(tuple),
    ),
    image=st.none() | st.builds(Image, texts, st.lists(texts).map(tuple), texts),
    needs=st.builds(Needs, numbers, st.lists(texts).map(tuple), numbers),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)

SPEC = TaskSpec(Entry("train.py", arguments=("--C", "0.5")), needs=Needs(1, ("a100",)))


@given(specs)
def test_any_spec_comes_back_as_it_was(spec: TaskSpec) -> None:
    text = encode(spec)
    assert decode(TaskSpec, text) == spec
    assert decode(TaskSpec, text.encode()) == spec


@given(st.dictionaries(texts, json_values, max_size=5))
def test_any_parameters_come_back_with_their_types(parameters: dict[str, object]) -> None:
    back = decode_parameters(encode_parameters(parameters))  # type: ignore[arg-type]
    assert back == parameters
    assert repr(back) == repr(parameters)


def test_not_a_number_and_infinity_are_parameters_too() -> None:
    back = decode_parameters(encode_parameters({"a": math.inf, "b": math.nan}))
    assert back["a"] == math.inf
    assert math.isnan(back["b"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        Exited(3, "Traceback"),
        Stopped("ada"),
        Lost("vanished"),
        StopRequest("ada", 2.5),
        StopRequest("ada"),
        Event(1.5, "claimed", 2, "box"),
        Lease("a" * 32, 3, "box", 20.0),
        Claim(
            Lease("a" * 32, 1, "box", 20.0),
            TaskRecord("a" * 32, "p", "n", Status.IN_PROGRESS, SPEC, {"A/x": [1, {}]}),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_everything_of_the_contract_comes_back(value: object) -> None:
    assert decode(type(value), encode(value)) == value


def test_an_enumerated_field_comes_back_as_its_member() -> None:
    from elsewhere.contract.outcome import Step

    back = decode(NeverRan, encode(NeverRan(Step.WORKSPACE, "no commit")))
    assert back.step is Step.WORKSPACE


def altered(path: list[str | int], value: object) -> str:
    """The spec's JSON with one place changed; `...` removes it."""
    envelope = json.loads(encode(SPEC))
    place = envelope
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(envelope)


@pytest.mark.parametrize(
    ("path", "value", "names"),
    [
        (["schema"], SCHEMA + 1, f"schema version {SCHEMA + 1}"),
        (["schema"], ..., "no schema version"),
        (["TaskSpec", "entry", "script"], 7, "TaskSpec.entry.script: expected str, found int"),
        (["TaskSpec", "entry", "script"], ..., "TaskSpec.entry.script: missing"),
        (["TaskSpec", "entry", "kind"], "binary", "TaskSpec.entry.kind"),
        (["TaskSpec", "entry", "arguments", 1], None, r"TaskSpec.entry.arguments\[1\]: expected str"),
        (["TaskSpec", "entry", "arguments"], "--C", "TaskSpec.entry.arguments: expected list"),
        (["TaskSpec", "entry"], [], "TaskSpec.entry: expected dict"),
        (["TaskSpec", "needs", "gpus"], "1", "TaskSpec.needs.gpus: expected int"),
        (["TaskSpec", "needs", "gpus"], True, "TaskSpec.needs.gpus: expected int, found bool"),
        (["TaskSpec", "needs", "gpus"], 1.5, "TaskSpec.needs.gpus: expected int, found float"),
        (
            ["TaskSpec", "needs", "colour"],
            1,
            "TaskSpec.needs.colour: a field that this version does not know",
        ),
        (["TaskSpec", "source", "bundle"], {"sha256": "a"}, "TaskSpec.source.bundle.size: missing"),
        (["extra"], 1, "extra"),
    ],
)
def test_a_bad_field_is_named_by_its_path(path: list[str | int], value: object, names: str) -> None:
    with pytest.raises(SchemaError, match=names):
        decode(TaskSpec, altered(path, value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema":1}', "[" * 100_000])
def test_what_is_no_spec_at_all_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        decode(TaskSpec, text)


@pytest.mark.parametrize("text", ["", "[]", "1", "{"])
def test_what_are_no_parameters_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="parameters"):
        decode_parameters(text)


def test_a_value_without_a_json_form_is_refused_by_its_path() -> None:
    with pytest.raises(SchemaError, match=r"parameters\['Args/x'\]\[1\].deep: a set"):
        encode_parameters({"Args/x": [1, {"deep": {1}}]})  # type: ignore[list-item, dict-item]


def test_a_number_that_is_none_is_refused_where_a_field_needs_one() -> None:
    with pytest.raises(SchemaError, match=r"StopRequest\.grace"):
        decode(StopRequest, encode(StopRequest("ada", math.nan)))


@given(st.text(max_size=60))
def test_garbage_raises_nothing_but_a_schema_error(text: str) -> None:
    for kind in (TaskSpec, StopRequest):
        with pytest.raises(SchemaError):
            decode(kind, text)
