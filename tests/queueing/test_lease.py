from __future__ import annotations

import dataclasses
import threading

import pytest
import redis

from elsewhere.contract import keys
from elsewhere.contract.errors import LateWrite, TaskNotFound
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Exited, Lost, NeverRan, Outcome, Step, Stopped
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from queueing import commit, give_back, reap, renew, take_task


def test_a_renewed_lease_lasts_from_now_on(connection: redis.Redis, put_task, take_one, until) -> None:
    put_task()
    lease = take_one(seconds=0.05).lease
    until(lambda: server_ms(connection) > connection.zscore(keys.LEASES, lease.task_id))
    renew(connection, dataclasses.replace(lease, seconds=60))
    assert connection.zscore(keys.LEASES, lease.task_id) > server_ms(connection) + 50_000
    assert reap(connection) == []


def server_ms(connection: redis.Redis) -> float:
    seconds, micro = connection.time()
    return seconds * 1000 + micro / 1000


def test_a_renewal_brings_the_stop_that_somebody_asked_for(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    put_task()
    lease = take_one().lease
    assert renew(connection, lease).stop is None
    store.request_stop(lease.task_id, StopRequest("ada of desk 3", 1.5))
    assert renew(connection, lease).stop == StopRequest("ada of desk 3", 1.5)
    assert connection.xlen(keys.task_control(lease.task_id)) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "code", "message"),
    [
        (Exited(0), Status.COMPLETED, 0, ""),
        (Exited(3, "ValueError: no"), Status.FAILED, 3, "the script exited with code 3\nValueError: no"),
        (Exited(-9), Status.FAILED, -9, "the script was killed by SIGKILL"),
        (
            NeverRan(Step.WORKSPACE, "no commit"),
            Status.FAILED,
            None,
            "the script never ran (workspace): no commit",
        ),
        (Stopped("ada"), Status.STOPPED, None, "stopped by ada"),
    ],
)
def test_an_outcome_ends_the_task_and_its_log(
    connection: redis.Redis,
    store: RedisStore,
    put_task,
    take_one,
    outcome: Outcome,
    status: Status,
    code: int | None,
    message: str,
) -> None:
    put_task()
    lease = take_one().lease
    assert commit(connection, lease, outcome) is status
    task = store.get(lease.task_id)
    assert (task.status, task.exit_code, task.status_message) == (status, code, message)
    assert task.ended is not None
    assert (task.attempt, task.agent, task.queue, task.stop) == (1, "box", "default", None)
    assert [chunk.kind for chunk in store.read_log(lease.task_id)] == ["end"]
    assert store.events(lease.task_id)[-1].kind == "ended"
    assert not connection.zcard(keys.LEASES)


def test_the_winner_of_a_commit_may_say_it_again(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    put_task()
    lease = take_one().lease
    assert commit(connection, lease, Exited(1, "x")) is Status.FAILED
    assert commit(connection, lease, Exited(1, "x")) is Status.FAILED
    with pytest.raises(LateWrite, match="failed"):
        commit(connection, lease, Exited(0))
    assert [chunk.kind for chunk in store.read_log(lease.task_id)] == ["end"]


def test_exactly_one_of_racing_commits_wins(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    for _ in range(10):
        put_task()
        lease = take_one().lease
        won: list[Outcome] = []
        late: list[Outcome] = []
        start = threading.Barrier(8)

        def try_to(outcome: Outcome, lease: Lease = lease, won=won, late=late, start=start) -> None:
            start.wait()
            try:
                commit(connection, lease, outcome)
                won.append(outcome)
            except LateWrite:
                late.append(outcome)

        threads = [threading.Thread(target=try_to, args=(Exited(code),)) for code in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(late)) == (1, 7)
        assert isinstance(won[0], Exited)
        assert store.get(lease.task_id).exit_code == won[0].code


def test_a_lost_attempt_is_not_committed(connection: redis.Redis, put_task, take_one) -> None:
    put_task()
    with pytest.raises(ValueError):
        commit(connection, take_one().lease, Lost("vanished"))


def test_a_late_writer_is_refused_everywhere(
    connection: redis.Redis, store: RedisStore, put_task, take_one, until
) -> None:
    task_id = put_task()
    dead = take_one("dead", seconds=0.01).lease
    until(lambda: reap(connection))

    def all_refused() -> None:
        for write in (
            lambda: renew(connection, dead),
            lambda: commit(connection, dead, Exited(0)),
            lambda: give_back(connection, dead, "late"),
            lambda: store.append_log(task_id, 1, 1, b"late"),
            lambda: store.set_parameters(task_id, {"a": 1}, attempt=1),
            lambda: store.record_event(task_id, "launched", attempt=1),
        ):
            with pytest.raises(LateWrite):
                write()

    # Reaped, but not taken again: the attempt number is still the newest.
    all_refused()
    alive = take_one("alive").lease
    assert alive.attempt == 2
    all_refused()
    store.append_log(task_id, 2, 1, b"alive")
    assert commit(connection, alive, Exited(0)) is Status.COMPLETED
    all_refused()
    outputs = [chunk.data for chunk in store.read_log(task_id) if chunk.kind == "output"]
    assert outputs == [b"alive"]
    refused = [event for event in store.events(task_id) if event.kind == "late_write_refused"]
    assert {event.attempt for event in refused} == {1}
    assert len(refused) <= 3


def test_an_agent_cannot_use_the_lease_of_another(connection: redis.Redis, put_task, take_one) -> None:
    put_task()
    lease = dataclasses.replace(take_one("box").lease, agent="thief")
    with pytest.raises(LateWrite):
        renew(connection, lease)
    with pytest.raises(LateWrite):
        commit(connection, lease, Exited(0))


def test_a_lease_of_no_task_is_an_error(connection: redis.Redis) -> None:
    with pytest.raises(TaskNotFound):
        renew(connection, Lease("0" * 32, 1, "box", 20))


def test_a_given_back_task_is_first_in_line_and_not_counted_as_lost(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    first, second = put_task(), put_task()
    lease = take_one().lease
    assert give_back(connection, lease, "draining") is Status.QUEUED
    task = store.get(first)
    assert (task.status, task.lost_attempts, task.attempt) == (Status.QUEUED, 0, 1)
    assert "draining" in store.read_log(first)[0].data.decode()
    again = take_one("other")
    assert (again.lease.task_id, again.lease.attempt) == (first, 2)
    assert take_one().lease.task_id == second


def test_a_task_with_a_stop_pending_is_stopped_when_it_is_given_back(
    connection: redis.Redis, store: RedisStore, put_task, take_one
) -> None:
    put_task()
    lease = take_one().lease
    store.request_stop(lease.task_id, StopRequest("ada"))
    assert give_back(connection, lease, "draining") is Status.STOPPED
    assert store.get(lease.task_id).status_message.startswith("stopped by ada")


def test_a_task_executed_without_a_queue_fails_when_it_is_given_back(
    connection: redis.Redis, store: RedisStore, make_draft
) -> None:
    lease = take_task(connection, "here", make_draft(), 20).lease
    assert give_back(connection, lease, "no room") is Status.FAILED
    assert "no queue" in store.get(lease.task_id).status_message
