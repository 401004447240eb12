from __future__ import annotations

import dataclasses

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import AgentNotFound
from elsewhere.contract.lease import Offer
from elsewhere.contract.outcome import Exited
from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from queueing import Bell, Registration, commit, drain, out_of_contact, reap, renew, take


def set_left(connection: redis.Redis, task_id: str, seconds: float) -> None:
    """As if the lease had been renewed longer ago."""
    now, micro = connection.time()
    connection.zadd(keys.LEASES, {task_id: now * 1000 + micro / 1000 + seconds * 1000})


def test_a_lease_of_which_less_than_half_is_left_is_out_of_contact(
    connection: redis.Redis, store: RedisStore, put_task, make_draft, take_one
) -> None:
    queued, draft = put_task("other"), make_draft()
    leases = {}
    for left in (15.0, 5.0, -5.0):
        put_task()
        leases[left] = take_one(seconds=20).lease
        set_left(connection, leases[left].task_id, left)
    ids = [queued, draft, "0" * 32, *(lease.task_id for lease in leases.values())]
    assert out_of_contact(connection, ids) == {leases[5.0].task_id, leases[-5.0].task_id}
    assert out_of_contact(connection, []) == set()
    assert store.get(leases[-5.0].task_id).status is Status.IN_PROGRESS
    renew(connection, leases[-5.0])
    assert out_of_contact(connection, ids) == {leases[5.0].task_id}
    commit(connection, leases[5.0], Exited(0))
    assert out_of_contact(connection, ids) == set()


def test_half_is_of_the_lease_as_it_was_last_renewed(connection: redis.Redis, put_task, take_one) -> None:
    put_task()
    lease = take_one(seconds=20).lease
    renew(connection, dataclasses.replace(lease, seconds=100))
    set_left(connection, lease.task_id, 40)
    assert out_of_contact(connection, [lease.task_id]) == {lease.task_id}


def test_after_a_restart_of_the_server_every_lease_lasts_for_one_more_period(
    connection: redis.Redis, put_task, take_one
) -> None:
    for _ in range(3):
        put_task()
    short, long = take_one(seconds=0.001).lease, take_one(seconds=500).lease
    # A server started anew has another run_id; what it stores has the old one.
    connection.set(keys.SERVER_RUN, "another run")
    assert reap(connection, grace_seconds=60) == []
    now_ms = connection.time()[0] * 1000
    assert connection.zscore(keys.LEASES, short.task_id) > now_ms + 50_000
    assert connection.zscore(keys.LEASES, long.task_id) > now_ms + 400_000
    assert reap(connection, grace_seconds=60) == []
    assert connection.get(keys.SERVER_RUN).decode() == connection.info("server")["run_id"]
    # The grace is given once.
    set_left(connection, short.task_id, -1)
    assert [reaped.task_id for reaped in reap(connection, grace_seconds=60)] == [short.task_id]


def test_a_take_whose_answer_was_lost_is_given_again(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    first, second = put_task(), put_task()

    def take_with(token: str | None, agent: str = "box") -> str | None:
        claim = take(connection, agent, ["default"], Offer(), 20, token)
        return claim and claim.lease.task_id

    assert take_with("t1") == first
    assert take_with("t1") == first
    assert store.get(first).attempt == 1
    assert take_with("t2") == second
    assert take_with("t3") is None
    put_task()
    assert take_with("t3") is not None


def test_a_token_whose_claim_is_over_takes_anew(connection: redis.Redis, store: RedisStore, put_task) -> None:
    first, second = put_task(), put_task()
    claim = take(connection, "box", ["default"], Offer(), 20, "t")
    assert claim is not None
    commit(connection, claim.lease, Exited(0))
    again = take(connection, "box", ["default"], Offer(), 20, "t")
    assert again is not None
    assert (claim.lease.task_id, again.lease.task_id) == (first, second)
    stolen = take(connection, "thief", ["default"], Offer(), 20, "t")
    assert stolen is None


def test_a_drained_agent_is_woken_and_told(connection: redis.Redis) -> None:
    agent = Registration(connection, "box", ["default"], slots=1, gpus=0, tags=(), version="1")
    with pytest.raises(AgentNotFound, match="box"):
        drain(connection, "box")
    agent.announce()
    with Bell(connection, "box", ["default"]) as bell:
        drain(connection, "box")
        bell.wait(10)
    assert agent.beat(0) == "draining"
    drain(connection, "box")
    agent.announce()
    assert agent.beat(0) == "active"
