"""Who gets what of a machine: the account that a daemon keeps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.gpu.device import Device
from agent.place import Place
from agent.slots import Slots
from agent.state import AttemptState
from elsewhere.contract import keys
from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.lease import Offer
from elsewhere.contract.spec import Entry, Needs, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import put, take

GIB = 1024**3


def gpus(count: int, memory: int = 80 * GIB) -> list[Device]:
    return [Device(f"GPU-{index}", str(index), memory) for index in range(count)]


class Box:
    """Slots whose attempts are numbered, and looked at by the GPUs that they see."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.number = 0

    def start(self, needs: Needs = Needs()) -> str | None:  # noqa: B008 - frozen
        """What CUDA_VISIBLE_DEVICES would say; "none" for no place, None for the machine's own setting."""
        place = self.slots.place_for(needs)
        if place is None:
            return "none"
        self.number += 1
        self.slots.fill(f"task-{self.number}", place)
        handles = self.slots.handles(place)
        return None if handles is None else ",".join(handles)


def test_an_agent_without_gpus_has_places_and_leaves_the_machine_as_it_is() -> None:
    box = Box(Slots(2))
    assert [box.start() for _ in range(3)] == [None, None, "none"]
    assert box.start(Needs(gpus=1)) == "none"
    box.slots.empty("task-1")
    assert box.start() is None


def test_a_task_that_asks_for_none_gets_a_gpu() -> None:
    box = Box(Slots(0, gpus(2)))
    assert box.slots.offer == Offer(2, (), 0, (80 * GIB,) * 2, without_gpus=True, lends_gpus=True)
    assert [box.start() for _ in range(3)] == ["0", "1", "none"]
    assert box.slots.offer == Offer(0, (), 0, (), without_gpus=False, lends_gpus=True)
    assert (len(box.slots), box.slots.busy, box.slots.gpus, box.slots.gpus_free) == (2, 2, 2, 0)


def test_with_places_of_their_own_such_tasks_see_no_gpu() -> None:
    box = Box(Slots(1, gpus(2)))
    assert [box.start(), box.start(), box.start(Needs(gpus=2))] == ["", "none", "0,1"]
    assert box.slots.offer == Offer(0, without_gpus=False)


def test_tasks_get_as_many_gpus_as_they_ask_for_out_of_all_that_are_free() -> None:
    box = Box(Slots(0, gpus(4)))
    assert [box.start(Needs(gpus=1)), box.start(Needs(gpus=2)), box.start(Needs(gpus=2))] == [
        "0",
        "1,2",
        "none",
    ]
    box.slots.empty("task-1")
    assert box.start(Needs(gpus=2)) == "0,3"


def test_tasks_share_a_gpu_by_its_memory_where_the_least_is_left() -> None:
    box = Box(Slots(0, gpus(2)))
    assert box.start(Needs(gpu_memory_bytes=50 * GIB)) == "0"
    assert box.start(Needs(gpu_memory_bytes=40 * GIB)) == "1"
    assert box.start(Needs(gpu_memory_bytes=30 * GIB)) == "0"
    assert box.start(Needs(gpus=2, gpu_memory_bytes=1)) == "none", "the first is full"
    assert box.start(Needs(gpu_memory_bytes=30 * GIB)) == "1"
    assert box.slots.offer.gpu_memory == (10 * GIB,)
    assert box.start(Needs(gpus=1)) == "none"


def test_a_whole_gpu_is_one_that_nobody_shares() -> None:
    box = Box(Slots(0, gpus(2)))
    assert [box.start(Needs(gpu_memory_bytes=1)), box.start(Needs(gpus=1))] == ["0", "1"]
    assert box.start(Needs(gpu_memory_bytes=80 * GIB)) == "none"
    assert box.start() == "none"


def test_tasks_that_ask_for_none_share_one_where_the_agent_was_told_so() -> None:
    box = Box(Slots(0, gpus(2), per_gpu=2))
    assert [box.start() for _ in range(5)] == ["0", "0", "1", "1", "none"]
    box.slots.empty("task-4")
    assert box.start(Needs(gpu_memory_bytes=40 * GIB)) == "1"
    assert len(box.slots) == 4


def test_a_gpu_whose_memory_nobody_knows_is_given_whole_or_not_at_all() -> None:
    box = Box(Slots(0, gpus(1, memory=0)))
    assert box.start(Needs(gpu_memory_bytes=1)) == "none"
    assert box.start() == "0"
    with pytest.raises(ConfigurationError, match="GPU 0 cannot be shared"):
        Slots(0, gpus(1, memory=0), per_gpu=2)


def test_memory_that_attempts_asked_for_is_offered_to_nobody_else() -> None:
    box = Box(Slots(3, memory_bytes=100))
    box.start(Needs(memory_bytes=60))
    assert box.slots.offer.memory_bytes == 40
    box.start(Needs(memory_bytes=40))
    assert box.slots.offer.memory_bytes == 1, "nothing, which 0 would not mean"
    assert box.slots.capacity.memory_bytes == 100


def test_an_agent_with_nothing_to_give_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one slot"):
        Slots(0)


def test_gpus_that_others_use_are_neither_offered_nor_counted_on() -> None:
    class Others:
        def occupied(self, tasks: set[str]) -> frozenset[str]:
            assert tasks in ({"a" * 32}, set())
            return frozenset({"GPU-0"})

        def look_again(self) -> None: ...

    box = Box(Slots(0, gpus(3), foreign=Others()))  # type: ignore[arg-type]
    box.slots.fill("a" * 32 + "-1", Place(("GPU-1",)))
    assert (box.slots.offer.gpus, box.slots.capacity.gpus) == (1, 2)
    assert box.start() == "2"


def test_what_an_attempt_holds_outlives_its_daemon_exactly(tmp_path: Path) -> None:
    """Whatever GPUs the next daemon deals out, and by whatever name."""
    places = [
        Place(("GPU-1", "GPU-0")),
        Place(("GPU-2",), 50 * GIB, 7),
        Place(("GPU-9",)),
        Place(()),
        Place(),
    ]
    following = Slots(0, gpus(4), memory_bytes=10)
    for number, place in enumerate(places):
        state = AttemptState(tmp_path / f"task-{number}")
        state.write_place(place)
        found = AttemptState(tmp_path / f"task-{number}").read_place()
        assert found == place
        following.fill(state.name, found)
    assert following.offer == Offer(1, (), 3, (30 * GIB, 80 * GIB), lends_gpus=True)
    assert following.busy == 5


def test_a_place_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    state = AttemptState(tmp_path / "task-1")
    assert state.read_place() is None
    for text in ("", "{", "[]", '{"gpus": 5}', '{"gpus": [], "more": 1}'):
        state.folder.mkdir(exist_ok=True)
        (state.folder / "place.json").write_text(text)
        assert state.read_place() is None, text


needs_of_a_task = st.builds(
    Needs,
    gpus=st.integers(0, 4),
    gpu_memory_bytes=st.sampled_from([0, 0, 10, 40, 80, 81]),
    memory_bytes=st.sampled_from([0, 30, 100]),
)


# One database will do for all examples: each begins by emptying it.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.one_of(needs_of_a_task, st.integers(0, 9)), max_size=25),
    shape=st.sampled_from([(0, 1), (0, 2), (2, 1)]),
)
def test_what_the_server_grants_there_is_a_place_for_and_nothing_is_given_twice(
    steps: list[Needs | int], shape: tuple[int, int], valkey_url: str
) -> None:
    """The account here and the scripts there agree: neither claims what has no place, nor leaves what has."""
    connection = connect(valkey_url)
    connection.flushdb()
    store = RedisStore(connection)
    plain, per_gpu = shape
    slots = Slots(plain, gpus(3, memory=80), per_gpu=per_gpu, memory_bytes=100)
    running: list[tuple[str, Place]] = []
    for step in steps:
        if isinstance(step, int):
            if step < len(running):
                slots.empty(running.pop(step)[0])
            continue
        task_id = store.create(NewTask("p", "n", TaskSpec(Entry("x.py"), needs=step))).id
        put(store, task_id, "default")
        offer, place = slots.offer, slots.place_for(step)
        has_memory = step.memory_bytes <= offer.memory_bytes
        claim = take(connection, "box", ["default"], offer, 20)
        assert (claim is not None) == (place is not None and has_memory), step
        connection.delete(keys.rq_queue("default"))
        if claim is not None and place is not None:
            slots.fill(task_id, place)
            running.append((task_id, place))
        held = Counter[str]()
        for _, other in running:
            for uuid in other.gpus or ():
                held[uuid] += other.gpu_memory_bytes or 80
        assert all(bytes_ <= 80 for bytes_ in held.values())
    connection.close()
