"""A large task is not starved by small ones: agents are simulated, the store and its scripts are real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.lease import Claim, Offer, Reserve
from elsewhere.contract.spec import Needs
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from queueing import Registration, list_agents, pause, put, take

AT_ONCE = 0.0
PATIENCE = 60.0


@dataclass
class Box:
    """An agent with GPUs, and places for tasks that ask for none: it takes, and what it took goes on until `end`."""

    connection: redis.Redis
    name: str = "box"
    gpus: int = 4
    plain: int = 0
    after: float | None = PATIENCE
    queues: tuple[str, ...] = ("default",)
    across_queues: bool = False
    memory: int = 0
    running: list[tuple[str, Needs]] = field(default_factory=list)

    @property
    def capacity(self) -> Offer:
        return Offer(self.gpus, memory_bytes=self.memory, without_gpus=self.plain > 0)

    @property
    def offer(self) -> Offer:
        needs = [needs for _, needs in self.running]
        return replace(
            self.capacity,
            gpus=self.gpus - sum(need.gpus for need in needs),
            memory_bytes=self.memory and max(1, self.memory - sum(need.memory_bytes for need in needs)),
            without_gpus=sum(need.gpus == 0 for need in needs) < self.plain,
        )

    def take(self) -> Claim | None:
        reserve = None if self.after is None else Reserve(self.capacity, self.after, self.across_queues)
        claim = take(self.connection, self.name, self.queues, self.offer, 20, reserve=reserve)
        if claim is not None:
            self.running.append((claim.lease.task_id, claim.task.spec.needs))
        return claim

    def fill(self) -> list[str]:
        """Take until nothing is left that fits."""
        taken = []
        while claim := self.take():
            taken.append(claim.lease.task_id)
        return taken

    def end(self) -> None:
        """What runs for longest ends."""
        self.running.pop(0)


@pytest.fixture
def box(connection: redis.Redis) -> Callable[..., Box]:
    return lambda name="box", **options: Box(connection, name, **options)


def let_wait(connection: redis.Redis, task_id: str, seconds: float = PATIENCE + 1) -> None:
    """As if the task had been passed over for the first time so much earlier, where it was at all."""
    if connection.hexists(keys.task(task_id), "passed_over"):
        connection.hincrby(keys.task(task_id), "passed_over", -int(seconds * 1000))


def starts_within(
    rounds: int, box: Box, put_task: Callable[..., str], large: str, on_pass: Callable[[], None]
) -> bool:
    """Whether the large task starts, while after each end of a small one another two arrive."""
    for _ in range(rounds):
        if large in box.fill():
            return True
        on_pass()
        box.end()
        put_task(needs=Needs(gpus=1))
        put_task(needs=Needs(gpus=1))
    return False


def test_a_large_task_starts_although_small_ones_arrive_for_ever(
    connection: redis.Redis, put_task, box: Callable[..., Box]
) -> None:
    agent = box()
    for _ in range(6):
        put_task(needs=Needs(gpus=1))
    agent.fill()
    large = put_task(needs=Needs(gpus=4))
    passed = Counter[str]()

    def time_goes_by() -> None:
        passed["times"] += 1
        let_wait(connection, large, 10)

    # Two stand before it; then it is passed over for 60 s, 10 s a round; then four GPUs come free, one a round.
    assert starts_within(2 + 7 + 4, agent, put_task, large, time_goes_by)
    assert passed["times"] >= 9


def test_without_a_reservation_it_never_does(
    connection: redis.Redis, put_task, box: Callable[..., Box]
) -> None:
    """The test above, seen failing: 200 small ones run, and it still waits."""
    agent = box(after=None)
    for _ in range(6):
        put_task(needs=Needs(gpus=1))
    agent.fill()
    large = put_task(needs=Needs(gpus=4))
    assert not starts_within(200, agent, put_task, large, lambda: None)


def test_small_tasks_go_first_until_the_large_one_has_waited_for_long(
    connection: redis.Redis, put_task, box: Callable[..., Box]
) -> None:
    agent = box()
    put_task(needs=Needs(gpus=1))
    agent.fill()
    large, small, smaller = (
        put_task(needs=Needs(gpus=4)),
        put_task(needs=Needs(gpus=1)),
        put_task(needs=Needs(gpus=1)),
    )
    first = agent.take()
    assert first is not None
    assert first.lease.task_id == small
    let_wait(connection, large)
    assert agent.take() is None, "three GPUs are free, and kept"
    agent.running.clear()
    assert agent.fill() == [large]
    agent.end()
    assert agent.fill() == [smaller]


def test_its_wait_begins_when_it_is_passed_over_and_not_when_it_is_queued(
    connection: redis.Redis, store: RedisStore, put_task, box: Callable[..., Box]
) -> None:
    large = put_task(needs=Needs(gpus=4))
    assert not connection.hexists(keys.task(large), "passed_over")
    busy = box(running=[("x", Needs(gpus=1))])
    busy.fill()
    since = connection.hget(keys.task(large), "passed_over")
    busy.fill()
    assert connection.hget(keys.task(large), "passed_over") == since
    # Who leaves the line and comes again waits anew.
    store.move(large, Status.CREATED, expected=Status.QUEUED)
    put(store, large, "default")
    assert not connection.hexists(keys.task(large), "passed_over")


def test_tasks_before_the_large_one_and_those_without_gpus_go_on(put_task, box: Callable[..., Box]) -> None:
    agent = box(after=AT_ONCE, plain=1, running=[("x", Needs(gpus=1))])
    before = put_task(needs=Needs(gpus=1))
    put_task(needs=Needs(gpus=4))
    put_task(needs=Needs(gpus=1))
    plain = put_task()
    assert agent.fill() == [before, plain]


def test_a_gpu_that_is_lent_to_tasks_that_ask_for_none_is_kept_too(connection: redis.Redis, put_task) -> None:
    free = Offer(gpus=1, lends_gpus=True)
    put_task(needs=Needs(gpus=4))
    plain = put_task()
    reserve = Reserve(replace(free, gpus=4), AT_ONCE)
    assert take(connection, "box", ["default"], free, 20, reserve=reserve) is None
    claim = take(connection, "box", ["default"], free, 20)
    assert claim is not None
    assert claim.lease.task_id == plain


def test_memory_is_kept_as_gpus_are(put_task, box: Callable[..., Box]) -> None:
    """100 GB: 40 are used, 80 are waited for. What says that it needs none passes, and takes no GPU's place."""
    agent = box(after=AT_ONCE, plain=9, memory=100, running=[("x", Needs(memory_bytes=40))])
    large = put_task(needs=Needs(memory_bytes=80))
    put_task(needs=Needs(memory_bytes=10))
    modest, with_gpus = put_task(), put_task(needs=Needs(gpus=4))
    assert agent.fill() == [modest, with_gpus]
    agent.running = agent.running[1:]
    assert agent.fill()[0] == large


def test_large_tasks_wait_one_after_the_other(
    connection: redis.Redis, put_task, box: Callable[..., Box]
) -> None:
    first, second = put_task(needs=Needs(gpus=4)), put_task(needs=Needs(gpus=3))
    box(running=[("x", Needs(gpus=2))]).fill()
    assert connection.hexists(keys.task(first), "passed_over")
    assert not connection.hexists(keys.task(second), "passed_over"), "it waits for the first as all do"


def test_a_task_that_no_agent_could_ever_run_delays_nobody(put_task, box: Callable[..., Box]) -> None:
    put_task(needs=Needs(gpus=5))
    put_task(needs=Needs(gpus=1, tags=("elsewhere",)))
    small = put_task(needs=Needs(gpus=1))
    assert box(after=AT_ONCE, running=[("x", Needs(gpus=1))]).fill() == [small]


class TestSeveralAgents:
    def test_one_of_them_keeps_room_and_the_others_go_on(self, put_task, box: Callable[..., Box]) -> None:
        one, two = (box(name, after=AT_ONCE, running=[("x", Needs(gpus=1))]) for name in ("one", "two"))
        large, small = put_task(needs=Needs(gpus=4)), put_task(needs=Needs(gpus=1))
        assert one.fill() == []
        assert two.fill() == [small]
        put_task(needs=Needs(gpus=1))
        assert one.fill() == []
        one.running.clear()
        assert one.take().lease.task_id == large  # type: ignore[union-attr]

    def test_whoever_has_room_first_takes_it(self, put_task, box: Callable[..., Box]) -> None:
        one, two = (box(name, after=AT_ONCE, running=[("x", Needs(gpus=1))]) for name in ("one", "two"))
        large, small = put_task(needs=Needs(gpus=4)), put_task(needs=Needs(gpus=1))
        assert one.fill() == []
        two.running.clear()
        assert two.fill() == [large]
        assert one.fill() == [small], "nothing is kept for a task that runs"

    def test_another_keeps_room_when_the_first_is_heard_of_no_more(
        self, connection: redis.Redis, put_task, box: Callable[..., Box]
    ) -> None:
        one, two = (box(name, after=AT_ONCE, running=[("x", Needs(gpus=1))]) for name in ("one", "two"))
        large = put_task(needs=Needs(gpus=4))
        put_task(needs=Needs(gpus=1))
        assert one.fill() == []
        assert 0 < connection.pttl(keys.task_reserved(large)) <= 20_000
        connection.delete(keys.task_reserved(large), keys.agent_reserved("one"))  # as time does
        assert two.fill() == []
        assert connection.get(keys.task_reserved(large)) == b"two"

    def test_each_keeps_room_for_a_task_of_its_own(
        self, connection: redis.Redis, put_task, box: Callable[..., Box]
    ) -> None:
        one, two = (box(name, after=AT_ONCE, running=[("x", Needs(gpus=1))]) for name in ("one", "two"))
        first, second = put_task(needs=Needs(gpus=4)), put_task(needs=Needs(gpus=4))
        put_task(needs=Needs(gpus=1))
        for _ in range(2):
            assert (one.fill(), two.fill()) == ([], [])
        assert (connection.get(keys.task_reserved(first)), connection.get(keys.task_reserved(second))) == (
            b"one",
            b"two",
        )

    def test_it_is_told_which_task_an_agent_keeps_room_for(
        self, connection: redis.Redis, put_task, box: Callable[..., Box]
    ) -> None:
        registration = Registration(connection, "box", ["default"], slots=4, gpus=4, tags=(), version="1")
        registration.announce()
        large = put_task(needs=Needs(gpus=4))
        agent = box(after=AT_ONCE, running=[("x", Needs(gpus=1))])
        agent.fill()
        registration.beat(1, gpus_free=3)
        (info,) = list_agents(connection)
        assert (info.gpus_free, info.gpus, info.reserved) == (3, 4, large)
        agent.running.clear()
        agent.fill()
        registration.beat(1, gpus_free=0)
        (info,) = list_agents(connection)
        assert (info.gpus_free, info.reserved) == (0, "")


class TestSeveralQueues:
    def test_a_queue_that_goes_first_goes_first(self, put_task, box: Callable[..., Box]) -> None:
        agent = box(after=AT_ONCE, queues=("high", "low"), running=[("x", Needs(gpus=1))])
        put_task("low", needs=Needs(gpus=4))
        assert agent.fill() == []
        high = put_task("high", needs=Needs(gpus=1))
        assert agent.fill() == [high]

    def test_where_all_are_equal_room_is_kept_from_all(self, put_task, box: Callable[..., Box]) -> None:
        agent = box(after=AT_ONCE, queues=("a", "b"), across_queues=True, running=[("x", Needs(gpus=1))])
        large = put_task("b", needs=Needs(gpus=4))
        assert agent.fill() == []
        small = put_task("a", needs=Needs(gpus=1))
        assert agent.fill() == []
        agent.running.clear()
        agent.queues = ("b", "a")
        assert agent.fill() == [large]
        agent.running.clear()
        assert agent.fill() == [small]

    @pytest.mark.parametrize("reason", ["stopped", "paused", "unserved", "without GPUs"])
    def test_room_is_kept_no_longer_than_there_is_a_reason(
        self, connection: redis.Redis, store: RedisStore, put_task, box: Callable[..., Box], reason: str
    ) -> None:
        agent = box(after=AT_ONCE, queues=("a", "b"), across_queues=True, running=[("x", Needs(gpus=1))])
        large, small = put_task("b", needs=Needs(gpus=4)), ""
        assert agent.fill() == []
        small = put_task("a", needs=Needs(gpus=1))
        if reason == "stopped":
            store.request_stop(large, StopRequest("me"))
        elif reason == "paused":
            pause(connection, "b")
        elif reason == "unserved":
            agent.queues = ("a",)
        else:
            agent.gpus = 3
        assert agent.fill() == [small]
