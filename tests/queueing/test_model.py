"""The lease scripts against a small model: whatever is called in whatever order."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

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
from elsewhere.contract.terms import Terms
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import commit, give_back, promote, put, reap, reconcile, renew, take

POISONED_AFTER = 2
QUEUES = ("a", "b")
LEASE_SECONDS = 1000.0
FAR = 4e9
"""A moment that does not come while a test runs, unless it is made to."""


class Leases(RuleBasedStateMachine):
    """Every task is in one queue, or leased, or waits, or ended; every attempt has one owner."""

    url = ""
    leases = Bundle("leases")
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.connection: redis.Redis = connect(self.url)
        self.connection.flushdb()
        # The first reaping on a server spares everybody.
        assert reap(self.connection) == []
        self.store = RedisStore(self.connection)
        self.lines: dict[str, list[str]] = {queue: [] for queue in QUEUES}
        self.timed: set[str] = set()
        self.unmet: dict[str, set[str]] = {}
        self.queue_of: dict[str, str] = {}
        self.terms: dict[str, Terms] = {}
        self.owned: dict[str, Lease] = {}
        self.ended: dict[str, Status] = {}
        self.lost: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.retried: dict[str, tuple[Lease, int]] = {}
        self.stops: set[str] = set()

    def teardown(self) -> None:
        self.connection.close()

    def put_with(self, queue: str, terms: Terms) -> str:
        task_id = self.store.create(NewTask("p", "n", TaskSpec(Entry("a.py")), terms=terms)).id
        self.queue_of[task_id], self.terms[task_id] = queue, terms
        self.lost[task_id] = self.used[task_id] = 0
        position = put(self.store, task_id, queue)
        if any(self.ended.get(parent, Status.COMPLETED) is not Status.COMPLETED for parent in terms.parents):
            self.ended[task_id] = Status.STOPPED
            return task_id
        unmet = {parent for parent in terms.parents if parent not in self.ended}
        if unmet:
            self.unmet[task_id] = unmet
        elif terms.run_at is not None:
            self.timed.add(task_id)
        else:
            self.enter(task_id)
            assert position == self.lines[queue].index(task_id)
        return task_id

    @rule(
        target=tasks,
        queue=st.sampled_from(QUEUES),
        priority=st.integers(0, 2),
        run_at=st.sampled_from([None, None, FAR]),
        retries=st.integers(0, 1),
        backoff=st.sampled_from([0.0, LEASE_SECONDS]),
    )
    def put_a_task(
        self, queue: str, priority: int, run_at: float | None, retries: int, backoff: float
    ) -> str:
        return self.put_with(queue, Terms(priority, run_at, (), retries, backoff))

    @rule(target=tasks, queue=st.sampled_from(QUEUES), parents=st.lists(tasks, min_size=1, max_size=2))
    def put_a_child(self, queue: str, parents: list[str]) -> str:
        return self.put_with(queue, Terms(parents=tuple(parents)))

    def enter(self, task_id: str) -> None:
        """Behind all of the same or a higher priority."""
        line, place = self.lines[self.queue_of[task_id]], len(self.lines[self.queue_of[task_id]])
        while place and self.terms[line[place - 1]].priority < self.terms[task_id].priority:
            place -= 1
        line.insert(place, task_id)

    @rule(task_id=tasks)
    def let_its_time_come(self, task_id: str) -> None:
        seconds = promote(self.connection)
        assert (seconds is not None) == bool(self.timed)
        if task_id in self.timed:
            self.connection.zadd(keys.rq_scheduled(self.queue_of[task_id]), {task_id: 1})
            promote(self.connection)
            self.timed.remove(task_id)
            self.enter(task_id)

    @rule(task_id=tasks)
    def lose_and_reconcile(self, task_id: str) -> None:
        """Tear the task out of wherever it stands: it comes back there."""
        assert reconcile(self.connection) == []
        queue = self.queue_of[task_id]
        line = self.lines[queue]
        if task_id in line:
            self.connection.lrem(keys.rq_queue(queue), 0, task_id)
            line.insert(0, line.pop(line.index(task_id)))
        elif task_id in self.owned:
            self.connection.zrem(keys.LEASES, task_id)
        elif task_id in self.unmet:
            self.connection.srem(keys.task_children(min(self.unmet[task_id])), task_id)
        else:
            return
        assert [repair.task_id for repair in reconcile(self.connection)] == [task_id]

    @rule(target=leases, agent=st.sampled_from(["x", "y"]), order=st.permutations(QUEUES))
    def take_a_task(self, agent: str, order: list[str]):  # type: ignore[no-untyped-def]
        token = uuid.uuid4().hex
        claim = take(self.connection, agent, order, Offer(), LEASE_SECONDS, token)
        expected = next((self.lines[queue][0] for queue in order if self.lines[queue]), None)
        assert (claim and claim.lease.task_id) == expected
        if claim is None:
            return multiple()
        assert take(self.connection, agent, order, Offer(), LEASE_SECONDS, token) == claim
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
            status = commit(self.connection, lease, Exited(code))
            # To say it again changes nothing.
            assert commit(self.connection, lease, Exited(code)) is status
            if code and self.used[task_id] < self.terms[task_id].retries and task_id not in self.stops:
                assert status is Status.QUEUED
                self.retry(lease, code)
            else:
                assert status is (Status.FAILED if code else Status.COMPLETED)
                self.end(task_id, status)
        elif self.retried.get(task_id) == (lease, code):
            assert commit(self.connection, lease, Exited(code)) is Status.QUEUED
        elif self.store.get(task_id).exit_code != code or self.store.get(task_id).attempt != lease.attempt:
            with pytest.raises(LateWrite):
                commit(self.connection, lease, Exited(code))

    def retry(self, lease: Lease, code: int) -> None:
        task_id = lease.task_id
        del self.owned[task_id]
        self.retried[task_id] = (lease, code)
        self.used[task_id] += 1
        self.lost[task_id] = 0
        if self.terms[task_id].backoff_seconds:
            self.timed.add(task_id)
        else:
            self.enter(task_id)

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
            self.end(task_id, Status.STOPPED)

    def let_go(self, task_id: str) -> None:
        if task_id in self.stops:
            self.end(task_id, Status.STOPPED)
        else:
            del self.owned[task_id]
            self.lines[self.queue_of[task_id]].insert(0, task_id)

    def end(self, task_id: str, status: Status) -> None:
        self.owned.pop(task_id, None)
        self.unmet.pop(task_id, None)
        self.timed.discard(task_id)
        self.stops.discard(task_id)
        line = self.lines[self.queue_of[task_id]]
        if task_id in line:
            line.remove(task_id)
        self.ended[task_id] = status
        children = [child for child, parents in self.unmet.items() if task_id in parents]
        if status is not Status.COMPLETED:
            for child in children:
                if child not in self.ended:
                    self.end(child, Status.STOPPED)
            return
        for child in children:
            self.unmet[child].remove(task_id)
        ready = [child for child in children if not self.unmet[child]]
        # In what order those enter that become ready together is the server's to choose.
        for child in sorted(ready, key=self.place_on_the_server):
            del self.unmet[child]
            self.enter(child)

    def place_on_the_server(self, task_id: str) -> int:
        place = self.connection.lpos(keys.rq_queue(self.queue_of[task_id]), task_id)
        assert isinstance(place, int)
        return place

    def of_queue(self, ids: Iterable[str], queue: str) -> set[str]:
        return {task_id for task_id in ids if self.queue_of[task_id] == queue}

    @invariant()
    def every_task_is_where_it_belongs(self) -> None:
        for queue, line in self.lines.items():
            assert [item.decode() for item in self.connection.lrange(keys.rq_queue(queue), 0, -1)] == line
            running = {f"{lease.task_id}:{lease.attempt}" for lease in self.owned.values()}
            running = {member for member in running if self.queue_of[member.partition(":")[0]] == queue}
            members = self.connection.zrange(keys.rq_started(queue), 0, -1)
            assert {member.decode() for member in members} == running
            for registry, ids in ((keys.rq_scheduled, self.timed), (keys.rq_deferred, self.unmet)):
                members = self.connection.zrange(registry(queue), 0, -1)
                assert {member.decode() for member in members} == self.of_queue(ids, queue)
        leased = {member.decode() for member in self.connection.zrange(keys.LEASES, 0, -1)}
        assert leased == set(self.owned)
        accepted = {member.decode() for member in self.connection.smembers(keys.ACCEPTED)}
        assert accepted == set(self.queue_of) - set(self.ended)

    @invariant()
    def every_task_is_found_by_its_status(self) -> None:
        stands = {
            task_id: self.ended.get(task_id, Status.IN_PROGRESS if task_id in self.owned else Status.QUEUED)
            for task_id in self.queue_of
        }
        for status in Status:
            members = self.connection.zrange(keys.indexed_status(status.value), 0, -1)
            assert {member.decode() for member in members} == {
                task_id for task_id, its in stands.items() if its is status
            }
        assert self.connection.zcard(keys.UPDATED) == len(stands)

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
