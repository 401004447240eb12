"""The lease scripts against a small model: whatever is called in whatever order."""

from __future__ import annotations

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from elsewhere.contract import keys
from elsewhere.contract.errors import LateWrite
from elsewhere.contract.lease import Lease, Offer
from elsewhere.contract.outcome import Exited
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, StopRequest
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import commit, give_back, put, reap, renew, take

POISONED_AFTER = 2
QUEUES = ("a", "b")
LEASE_SECONDS = 1000.0


class Leases(RuleBasedStateMachine):
    """Every task is in one queue, or leased, or ended; every attempt has one owner."""

    url = ""
    leases = Bundle("leases")
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.connection: redis.Redis = connect(self.url)
        self.connection.flushdb()
        self.store = RedisStore(self.connection)
        self.lines: dict[str, list[str]] = {queue: [] for queue in QUEUES}
        self.queue_of: dict[str, str] = {}
        self.owned: dict[str, Lease] = {}
        self.ended: dict[str, Status] = {}
        self.lost: dict[str, int] = {}
        self.stops: set[str] = set()

    def teardown(self) -> None:
        self.connection.close()

    @rule(target=tasks, queue=st.sampled_from(QUEUES))
    def put_a_task(self, queue: str) -> str:
        task_id = self.store.create(NewTask("p", "n", TaskSpec(Entry("a.py")))).id
        assert put(self.store, task_id, queue) == len(self.lines[queue])
        self.lines[queue].append(task_id)
        self.queue_of[task_id] = queue
        self.lost[task_id] = 0
        return task_id

    @rule(target=leases, agent=st.sampled_from(["x", "y"]), order=st.permutations(QUEUES))
    def take_a_task(self, agent: str, order: list[str]):  # type: ignore[no-untyped-def]
        claim = take(self.connection, agent, order, Offer(), LEASE_SECONDS)
        expected = next((self.lines[queue][0] for queue in order if self.lines[queue]), None)
        assert (claim and claim.lease.task_id) == expected
        if claim is None:
            return multiple()
        self.lines[self.queue_of[claim.lease.task_id]].pop(0)
        self.owned[claim.lease.task_id] = claim.lease
        return claim.lease

    @rule(lease=leases)
    def renew_a_lease(self, lease: Lease) -> None:
        if self.owned.get(lease.task_id) == lease:
            assert (renew(self.connection, lease).stop is not None) == (lease.task_id in self.stops)
        else:
            with pytest.raises(LateWrite):
                renew(self.connection, lease)

    @rule(lease=leases, code=st.integers(0, 1))
    def commit_an_outcome(self, lease: Lease, code: int) -> None:
        task_id = lease.task_id
        if self.owned.get(task_id) == lease:
            self.end(task_id, commit(self.connection, lease, Exited(code)))
            assert self.ended[task_id] is (Status.FAILED if code else Status.COMPLETED)
            # To say it again changes nothing.
            assert commit(self.connection, lease, Exited(code)) is self.ended[task_id]
        elif self.store.get(task_id).exit_code != code or self.store.get(task_id).attempt != lease.attempt:
            with pytest.raises(LateWrite):
                commit(self.connection, lease, Exited(code))

    @rule(lease=consumes(leases))
    def give_a_lease_back(self, lease: Lease) -> None:
        if self.owned.get(lease.task_id) != lease:
            with pytest.raises(LateWrite):
                give_back(self.connection, lease, "no room")
            return
        status = give_back(self.connection, lease, "no room")
        assert status is (Status.STOPPED if lease.task_id in self.stops else Status.QUEUED)
        self.let_go(lease.task_id)

    @rule(lease=leases)
    def let_an_agent_vanish(self, lease: Lease) -> None:
        if self.owned.get(lease.task_id) != lease:
            return
        self.connection.zadd(keys.LEASES, {lease.task_id: 1})
        [reaped] = reap(self.connection, poisoned_after=POISONED_AFTER)
        task_id = lease.task_id
        assert (reaped.task_id, reaped.attempt, reaped.agent) == (task_id, lease.attempt, lease.agent)
        self.lost[task_id] += 1
        if task_id not in self.stops and self.lost[task_id] >= POISONED_AFTER:
            assert reaped.end == "poisoned"
            self.end(task_id, Status.FAILED)
            return
        assert reaped.end == ("stopped" if task_id in self.stops else "requeued")
        self.let_go(task_id)

    @rule(task_id=tasks)
    def ask_to_stop(self, task_id: str) -> None:
        status = self.store.request_stop(task_id, StopRequest("ada"))
        if task_id in self.ended:
            assert status is self.ended[task_id]
        elif task_id in self.owned:
            assert status is Status.IN_PROGRESS
            self.stops.add(task_id)
        else:
            assert status is Status.STOPPED
            self.lines[self.queue_of[task_id]].remove(task_id)
            self.end(task_id, Status.STOPPED)

    def let_go(self, task_id: str) -> None:
        if task_id in self.stops:
            self.end(task_id, Status.STOPPED)
        else:
            del self.owned[task_id]
            self.lines[self.queue_of[task_id]].insert(0, task_id)

    def end(self, task_id: str, status: Status) -> None:
        self.owned.pop(task_id, None)
        self.stops.discard(task_id)
        self.ended[task_id] = status

    @invariant()
    def every_task_is_where_it_belongs(self) -> None:
        for queue, line in self.lines.items():
            assert [item.decode() for item in self.connection.lrange(keys.rq_queue(queue), 0, -1)] == line
            running = {f"{lease.task_id}:{lease.attempt}" for lease in self.owned.values()}
            running = {member for member in running if self.queue_of[member.partition(":")[0]] == queue}
            members = self.connection.zrange(keys.rq_started(queue), 0, -1)
            assert {member.decode() for member in members} == running
        leased = {member.decode() for member in self.connection.zrange(keys.LEASES, 0, -1)}
        assert leased == set(self.owned)

    @invariant()
    def every_ended_task_has_one_end(self) -> None:
        for task_id, status in self.ended.items():
            assert self.store.get(task_id).status is status
            kinds = [chunk.kind for chunk in self.store.read_log(task_id)]
            assert kinds.count("end") == 1
            assert kinds[-1] == "end"


def test_no_order_of_calls_loses_a_task_or_gives_it_two_owners(redis_url: str) -> None:
    machine = type("LeasesHere", (Leases,), {"url": redis_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            database=None,
            # A failing order has 25 calls at most: shrinking it would take longer than a test may.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
