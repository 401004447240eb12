"""Tasks that stand nowhere, made by breaking the server's data by hand."""

from __future__ import annotations

import threading

import redis

from elsewhere.contract import keys
from elsewhere.contract.lease import Offer
from elsewhere.contract.outcome import Exited
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from queueing import Repair, commit, give_back, promote, reap, reconcile, renew, take, take_task

A_DAY = 86400


def accepted(connection: redis.Redis) -> set[str]:
    return {member.decode() for member in connection.smembers(keys.ACCEPTED)}


def test_nothing_is_repaired_where_nothing_is_broken(
    connection: redis.Redis, store: RedisStore, put_task, make_draft, take_one
) -> None:
    make_draft()
    desk = make_draft()
    store.move(desk, Status.IN_PROGRESS, expected=Status.CREATED)
    take_task(connection, "here", make_draft(), 20)
    running = put_task()
    take_one()
    put_task(parents=(running,))
    put_task(run_at=connection.time()[0] + A_DAY)
    for _ in range(1500):
        put_task()
    assert reconcile(connection) == []


def test_a_queued_task_that_stands_nowhere_goes_to_the_front(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    lost, other = put_task(), put_task()
    connection.lrem(keys.rq_queue("default"), 0, lost)
    assert reconcile(connection) == [Repair(lost, "stood nowhere: now at the front of default")]
    assert store.events(lost)[-1].kind == "repaired"
    assert reconcile(connection) == []
    assert [take_one().lease.task_id for _ in range(2)] == [lost, other]


def test_a_whole_queue_that_vanished_comes_back_in_rounds(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    ids = {put_task() for _ in range(250)}
    connection.delete(keys.rq_queue("default"))
    assert {repair.task_id for repair in reconcile(connection)} == ids
    assert connection.llen(keys.rq_queue("default")) == 250


def test_a_running_task_without_a_lease_gets_one_that_is_renewed_or_reaped(
    connection: redis.Redis, store: RedisStore, put_task, take_one, until
) -> None:
    kept, dead = put_task(), put_task()
    lease = take_one("alive").lease
    take_one("dead")
    connection.delete(keys.LEASES)
    repairs = reconcile(connection, grace_seconds=0.2)
    assert {(repair.task_id, repair.what) for repair in repairs} == {
        (task_id, "ran without a lease: has one of 0.2 s now") for task_id in (kept, dead)
    }
    renew(connection, lease)
    reaped: list[str] = []
    until(lambda: reaped.extend(one.task_id for one in reap(connection)) or reaped)
    assert reaped == [dead]
    assert commit(connection, lease, Exited(0)) is Status.COMPLETED


def test_waiting_tasks_that_wait_for_nobody_are_put_back(
    connection: redis.Redis, store: RedisStore, put_task
) -> None:
    parent = put_task()
    timed = put_task(run_at=connection.time()[0] + A_DAY)
    forgotten, unlisted = put_task(parents=(parent,)), put_task(parents=(parent,))
    connection.delete(keys.rq_scheduled("default"))
    connection.srem(keys.task_children(parent), forgotten)
    connection.zrem(keys.rq_deferred("default"), unlisted)
    waits = {task_id: store.get(task_id).waits_for for task_id in (timed, forgotten, unlisted)}
    assert {repair.task_id for repair in reconcile(connection)} == set(waits)
    assert {task_id: store.get(task_id).waits_for for task_id in waits} == waits
    assert reconcile(connection) == []
    assert promote(connection) is not None
    store.move(parent, Status.STOPPED, expected=Status.QUEUED)
    for task_id in (forgotten, unlisted):
        assert store.get(task_id).status_message == f"parent failed: {parent}"


def test_a_child_that_missed_the_end_of_its_parent_is_told(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    good, bad = put_task(), put_task()
    queued, stopped = put_task(parents=(good,)), put_task(parents=(bad,))
    connection.delete(keys.task_children(good), keys.task_children(bad))
    commit(connection, take_one().lease, Exited(0))
    commit(connection, take_one().lease, Exited(1))
    assert {repair.task_id for repair in reconcile(connection)} == {queued, stopped}
    assert take_one().lease.task_id == queued
    assert store.get(stopped).status_message == f"parent failed: {bad}"


def test_what_is_accepted_follows_every_way_out(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    completed, lost, given, stopped, dequeued, waiting = (put_task() for _ in range(6))
    assert accepted(connection) == {completed, lost, given, stopped, dequeued, waiting}
    commit(connection, take_one().lease, Exited(0))
    connection.zadd(keys.LEASES, {take_one().lease.task_id: 1})
    given_lease = take_task(connection, "box", given, 20).lease
    give_back(connection, given_lease, "no room")
    reap(connection, poisoned_after=1)
    store.request_stop(stopped, StopRequest("ada"))
    store.move(dequeued, Status.CREATED, expected=Status.QUEUED)
    assert accepted(connection) == {given, waiting}
    connection.sadd(keys.ACCEPTED, completed, "ghost")
    assert reconcile(connection) == []
    assert accepted(connection) == {given, waiting}


def test_many_may_reconcile_while_tasks_move(
    redis_url: str, connection: redis.Redis, store: RedisStore, put_task
) -> None:
    ids = [put_task() for _ in range(300)]
    repairs: list[Repair] = []
    done = threading.Event()

    def mend() -> None:
        while not done.is_set():
            repairs.extend(reconcile(connection))

    menders = [threading.Thread(target=mend) for _ in range(2)]
    for mender in menders:
        mender.start()
    for number in range(len(ids)):
        claim = take(connection, "box", ["default"], Offer(), 20)
        assert claim is not None
        if number % 3:
            commit(connection, claim.lease, Exited(0))
        else:
            give_back(connection, claim.lease, "no room")
            connection.lmove(keys.rq_queue("default"), keys.rq_queue("default"), "LEFT", "RIGHT")
    done.set()
    for mender in menders:
        mender.join()
    assert repairs == []
