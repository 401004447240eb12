"""Every kind of write, through the real relay, journal and store."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.config import AttemptConfig
from agent.journal import Journal
from agent.journaled import JournaledTask
from agent.line import AgentLine
from agent.relay import RelayServer, attempt_calls
from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.errors import IllegalMove, SchemaError, ServerUnreachable, UsageError
from elsewhere.contract.lease import Lease
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.contract.write import (
    LONGEST_CONFIGURATION,
    ConfigurationDeleted,
    ConfigurationSet,
    Edited,
    Happened,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
    Write,
    decode_write,
    encode_write,
)
from elsewhere.settings import find_folders
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore
from elsewhere.store.redis import RedisStore
from elsewhere.store.relay import RelayStore
from queueing import take_task
from tests.sdk.relayed import SPEC, new_task

EVERY_KIND: list[Write] = [
    ParametersSet({"Args/lr": 0.1, "Args/gone": [None, {"ä": 2**70}]}),
    ParametersSet({"Args/hand": True}, by_hand=("Args/hand",)),
    Edited(Edit(parameter_info={"Args/lr": ParameterInfo("float", "rate", ("0.1",)), "Args/gone": ParameterInfo("x")})),
    ParametersDeleted(("Args/gone", "Args/nobody")),
    Edited(Edit(progress=12.5, comment="line\nbreak", tags=("a", "b"), properties={"best": Property([1], "list", "d")})),
    Edited(Edit(name="other", remove_tags=("a",), add_tags=("c",), parent="f" * 32, type="testing")),
    ConfigurationSet("model", b"\x00\xff\n\nlr: 1", ".yaml", "über\nall"),
    ConfigurationSet("kept", b"", ""),
    ConfigurationSet("gone", b"{}"),
    ConfigurationDeleted("gone"),
    Happened("launched", "a\nb"),
]  # fmt: skip


def assert_all_came(store: MemoryStore | RedisStore, task_id: str) -> None:
    task = store.get(task_id)
    assert task.parameters == {"Args/lr": 0.1, "Args/hand": True}
    assert task.overrides == ("Args/hand",)
    assert task.parameter_info == {"Args/lr": ParameterInfo("float", "rate", ("0.1",))}
    assert (task.progress, task.comment, task.name, task.type) == (12.5, "line\nbreak", "other", "testing")
    assert (task.tags, task.parent) == (("b", "c"), "f" * 32)
    assert task.properties == {"best": Property([1], "list", "d")}
    kept = store.configurations(task_id)
    assert list(kept) == ["kept", "model"]
    assert (kept["model"].suffix, kept["model"].description) == (".yaml", "über\nall")
    assert store.get_blob(kept["model"].blob) == b"\x00\xff\n\nlr: 1"
    assert (store.events(task_id)[-1].kind, store.events(task_id)[-1].detail) == ("launched", "a\nb")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ew-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    kept = Journal(folder / "journal")
    yield kept
    kept.close()


@pytest.fixture
def end(
    folder: Path, store: MemoryStore, record: TaskRecord, lease: Lease, journal: Journal
) -> Iterator[RelayStore]:
    """A script's end of the relay; behind it, what was written stays in the journal."""
    own = JournaledTask(store, journal, record)
    with RelayServer(folder / "s", calls=attempt_calls(own, lease, set())):
        relay = RelayStore(str(folder / "s"))
        yield relay
        relay.close()


@pytest.mark.parametrize("write", EVERY_KIND, ids=lambda write: type(write).__name__)
def test_a_write_is_the_same_after_a_journey(write: Write) -> None:
    assert decode_write(encode_write(write)) == write


def test_what_is_no_write_is_refused() -> None:
    for data in (b"", b"Nothing\n{}\n", b"Edited\n", b"Edited\n{}\n", b"ConfigurationSet\n{}\nx", b"\xff\n"):
        with pytest.raises(SchemaError):
            decode_write(data)


def test_every_kind_goes_over_the_socket_into_the_store(
    relay: RelayStore, store: MemoryStore, record: TaskRecord
) -> None:
    store.replace_parameters(record.id, {})
    for write in EVERY_KIND:
        relay.write(write)
    assert_all_came(store, record.id)
    assert relay.configurations() == ["kept", "model"]
    assert relay.configuration("model") == EVERY_KIND[6]
    assert relay.configuration("gone") is None


def test_every_kind_goes_through_the_journal_to_a_real_server(
    valkey_url: str, folder: Path, journal: Journal, elsewhere_home: Path
) -> None:
    config = AttemptConfig(valkey_url, find_folders(), folder / "state", 5.0, 20.0, 1.0)
    store = RedisStore(valkey_url)
    draft = store.create(new_task())
    store.enqueue(draft.id, "q")
    claim = take_task(store.connection, "box", draft.id, 60.0)
    assert claim is not None
    line = AgentLine(config, claim.lease)
    own = JournaledTask(store, journal, claim.task)
    with RelayServer(folder / "s", calls=attempt_calls(own, claim.lease, set())):
        relay = RelayStore(str(folder / "s"))
        for write in EVERY_KIND:
            relay.write(write)
        seen = relay.task()
        relay.close()
    journal.close()
    entries = list(journal.read())
    assert [entry.kind for entry in entries] == ["write"] * len(EVERY_KIND)
    for entry in entries:
        for _ in range(2):  # as if the answer had been lost
            line.deliver(entry, 0)
    assert_all_came(store, draft.id)
    assert [event.kind for event in store.events(draft.id)].count("launched") == 1
    assert plain(seen) == plain(store.get(draft.id))
    store.close()


def test_what_can_never_be_stored_is_refused_at_the_call_and_stands_in_nobody_s_way(
    end: RelayStore, journal: Journal, record: TaskRecord
) -> None:
    refused: list[tuple[Write, type[Exception]]] = [
        (Edited(Edit(progress=float("nan"))), SchemaError),
        (Edited(Edit(progress=101)), UsageError),
        (Edited(Edit(name=" ")), UsageError),
        (Edited(Edit(spec=SPEC)), IllegalMove),
        (Edited(Edit(properties={"x": Property(object())})), SchemaError),  # type: ignore[arg-type]
        (Edited(Edit(comment="\ud800")), SchemaError),
        (ParametersSet({"no section": 1}), UsageError),
        (ParametersSet({"Args/x": {1}}), SchemaError),  # type: ignore[dict-item]
        (ConfigurationSet("x", b"x" * (LONGEST_CONFIGURATION + 1)), UsageError),
        (Happened("made_up"), SchemaError),  # type: ignore[arg-type]
    ]
    for write, error in refused:
        with pytest.raises(error):
            end.write(write)
    assert journal.last == 0
    assert plain(end.task()) == plain(record)
    end.write(ConfigurationSet("x", b"x" * LONGEST_CONFIGURATION))
    assert journal.last == 1


def test_a_configuration_is_not_answered_while_nobody_can_know_it(
    end: RelayStore, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any) -> Any:
        raise ServerUnreachable("no server", "Wait.")

    monkeypatch.setattr(store, "configuration", away)
    monkeypatch.setattr(store, "configurations", away)
    for call in (end.configurations, lambda: end.configuration("x")):
        with pytest.raises(ServerUnreachable) as refusal:
            call()
        assert refusal.value.next_step == "Wait."
    assert end.task().status is Status.IN_PROGRESS


NAMES = st.sampled_from(["A/w", "A/x", "A/y"])
VALUES = st.dictionaries(NAMES, st.integers(0, 9), max_size=3)
WORDS = st.lists(st.sampled_from("abc"), max_size=2).map(tuple)
WRITES: st.SearchStrategy[Write] = st.one_of(
    VALUES.flatmap(lambda values: st.sets(st.sampled_from([*values, "A/x"])).map(
        lambda names: ParametersSet(values, tuple(sorted(names & values.keys()))))),
    VALUES.flatmap(lambda values: st.sets(st.sampled_from([*values, "A/x"])).map(
        lambda names: ParametersReplaced(values, tuple(sorted(names & values.keys()))))),
    st.lists(NAMES, max_size=2).map(lambda names: ParametersDeleted(tuple(names))),
    st.builds(Edit, comment=st.none() | st.sampled_from("cd"), add_tags=WORDS, remove_tags=WORDS,
              progress=st.none() | st.just(5.0), remove_properties=WORDS,
              properties=st.dictionaries(st.sampled_from("abc"), st.builds(Property, st.integers(0, 9)))).map(Edited),
    st.dictionaries(NAMES, st.builds(ParameterInfo, st.sampled_from(["int", "float"]))).map(
        lambda info: Edited(Edit(parameter_info=info))),
)  # fmt: skip


def plain(task: TaskRecord) -> TaskRecord:
    """Without what nobody promises: when it changed, and the order of words."""
    return dataclasses.replace(
        task, updated=0.0, tags=tuple(sorted(task.tags)), overrides=tuple(sorted(task.overrides))
    )


@given(VALUES, st.lists(WRITES, max_size=6), st.integers(0, 6))
@example({"A/x": 1, "A/y": 2}, [ParametersReplaced({"A/x": 3}), ParametersReplaced({"A/y": 4})], 0)
@example({"A/x": 1}, [ParametersDeleted(("A/x",)), ParametersSet({"A/x": 2})], 1)
def test_a_script_reads_what_it_wrote_however_much_of_it_has_come(
    parameters: dict[str, Any], writes: list[Write], come: int
) -> None:
    store, twin = MemoryStore(), MemoryStore()
    hand = tuple(sorted(parameters))[:1]
    info = {name: ParameterInfo("int") for name in parameters}
    for each in (store, twin):
        each.create(new_task(parameters=parameters, overrides=hand, parameter_info=info), task_id="a" * 32)
        each.move("a" * 32, Status.IN_PROGRESS, expected=Status.CREATED)
    claimed = store.get("a" * 32)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        own = JournaledTask(store, journal, claimed)
        for number, write in enumerate(writes):
            write = known_only(write, twin.get(claimed.id))
            own.write(write)
            deliver(twin, claimed.id, write)
            if number < come:
                deliver(store, claimed.id, write)
        expected = dataclasses.replace(twin.get(claimed.id), created=claimed.created, started=claimed.started)
        assert plain(own.get()) == plain(expected)
        journal.close()


def known_only(write: Write, task: TaskRecord) -> Write:
    """Nobody describes a parameter that is not there."""
    if not isinstance(write, Edited):
        return write
    info = {name: about for name, about in write.edit.parameter_info.items() if name in task.parameters}
    return Edited(dataclasses.replace(write.edit, parameter_info=info))
