"""What waits to be sent is few and in order: whoever gets it cannot tell that it was made fewer."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as some

from elsewhere.contract.edit import Edit, ParameterInfo, Property
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.contract.write import (
    ConfigurationDeleted,
    ConfigurationSet,
    Edited,
    Happened,
    ParametersDeleted,
    ParametersReplaced,
    ParametersSet,
    Write,
)
from elsewhere.desk.outbox import Outbox
from elsewhere.store.deliver import deliver
from elsewhere.store.memory import MemoryStore

NAMES = some.sampled_from(["Args/a", "Args/b", "General/c"])
PARAMETERS = some.dictionaries(NAMES, some.integers(0, 3), max_size=2)
WORDS = some.lists(some.sampled_from("xyz"), max_size=2, unique=True).map(tuple)
EDITS = some.builds(
    Edit,
    comment=some.none() | some.sampled_from(["one", "two"]),
    progress=some.none() | some.integers(0, 100).map(float),
    tags=some.none() | WORDS,
    add_tags=WORDS,
    properties=some.dictionaries(some.sampled_from("pq"), some.integers(0, 3).map(Property), max_size=1),
    parameter_info=some.dictionaries(NAMES, some.sampled_from("st").map(ParameterInfo), max_size=1),
)
WRITES = some.one_of(
    some.builds(ParametersSet, PARAMETERS),
    some.builds(ParametersReplaced, PARAMETERS),
    some.builds(ParametersDeleted, some.lists(NAMES, max_size=2).map(tuple)),
    some.builds(Edited, EDITS),
    some.builds(ConfigurationSet, some.sampled_from("mn"), some.binary(max_size=2)),
    some.builds(ConfigurationDeleted, some.sampled_from("mn")),
    some.builds(Happened, some.just("workspace"), some.text(max_size=2)),
)


def come_to(writes: Sequence[Write]) -> tuple[object, ...]:
    """What a task is after them."""
    store = MemoryStore()
    task_id = store.create(NewTask("digits", "svm", TaskSpec(Entry("train.py")))).id
    store.move(task_id, Status.IN_PROGRESS, expected=Status.CREATED)
    for write in writes:
        deliver(store, task_id, write)
    return (
        seen(store.get(task_id)),
        store.configurations(task_id),
        [event.detail for event in store.events(task_id) if event.kind == "workspace"],
    )


def seen(task: TaskRecord) -> tuple[object, ...]:
    known = {name: about for name, about in task.parameter_info.items() if name in task.parameters}
    return task.parameters, task.comment, task.progress, task.tags, task.properties, known


@given(some.lists(WRITES, max_size=8), some.integers(0, 8))
def test_what_is_sent_does_what_was_written(writes: list[Write], taken_at: int) -> None:
    outbox, sent = Outbox(), []
    for number, write in enumerate(writes):
        if number == taken_at:
            sent += outbox.take()
            outbox.sent()
        outbox.put(write)
    sent += outbox.take()
    assert come_to(sent) == come_to(writes)


def test_many_reports_of_the_same_are_one_write() -> None:
    outbox = Outbox()
    for number in range(1000):
        outbox.put(Edited(Edit(progress=number / 10)))
        outbox.put(ParametersSet({"Args/step": number}))
        outbox.put(ConfigurationSet("model", b"%d" % number))
    assert len(outbox) == 3
    assert Edited(Edit(progress=99.9)) in outbox.take()


def test_what_was_taken_stays_as_it_is_until_it_was_sent() -> None:
    outbox = Outbox()
    outbox.put(ParametersSet({"Args/a": 1}))
    batch = outbox.take()
    outbox.put(ParametersSet({"Args/a": 2}))
    assert outbox.take() == batch == (ParametersSet({"Args/a": 1}),)
    outbox.sent()
    assert outbox.take() == (ParametersSet({"Args/a": 2}),)


def test_over_the_bound_the_oldest_go_and_are_counted() -> None:
    outbox = Outbox(most_writes=3)
    for number in range(5):
        outbox.put(Happened("workspace", str(number)))
    assert [write.detail for write in outbox.take() if isinstance(write, Happened)] == ["2", "3", "4"]
    assert outbox.dropped == 2
    large = Outbox(most_bytes=1000)
    large.put(ConfigurationSet("a", bytes(700)))
    large.put(ConfigurationSet("b", bytes(700)))
    assert [write.name for write in large.take() if isinstance(write, ConfigurationSet)] == ["b"]
