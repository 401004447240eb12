"""What we rely on in RQ 3.0, and what RQ's own tools see of our tasks."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.executions import ExecutionRegistry
from rq.job import Job, JobStatus
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
    clean_registries,
)
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from elsewhere.contract import keys
from elsewhere.contract.outcome import Exited, Stopped
from elsewhere.contract.status import Status
from elsewhere.contract.task import StopRequest
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.job import FUNCTION
from queueing import Registration, commit, give_back, list_queues, promote, renew


def fetch(connection: redis.Redis, task_id: str) -> Job:
    return Job.fetch(task_id, connection=connection, serializer=JSONSerializer)


def text(key: str | bytes) -> str:
    return key.decode() if isinstance(key, bytes) else key


def test_a_queued_task_has_the_fields_that_rq_writes_itself(
    connection: redis.Redis, put_task, store: RedisStore
) -> None:
    task_id = put_task()
    reference = Job.create(
        FUNCTION,
        args=(task_id,),
        id=task_id,
        connection=connection,
        serializer=JSONSerializer,
        origin="default",
        description="digits/svm",
        timeout=-1,
        result_ttl=-1,
        failure_ttl=-1,
        status=JobStatus.QUEUED,
    )
    reference.enqueued_at = datetime.now(timezone.utc)
    theirs = {name: str(value).encode() for name, value in reference.to_dict().items() if name != "data"}
    theirs["status"] = reference.get_status(refresh=False).value.encode()
    ours = {text(name): value for name, value in connection.hgetall(keys.rq_job(task_id)).items()}
    assert ours.pop("data") == reference.to_dict()["data"]
    times = {"created_at", "enqueued_at"}
    assert set(ours) == set(theirs)
    assert {name: ours[name] for name in set(ours) - times} == {
        name: theirs[name] for name in set(ours) - times
    }
    for name in times:
        assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", ours[name])


def test_rq_reads_a_task_as_a_job(connection: redis.Redis, put_task, store: RedisStore) -> None:
    task_id = put_task()
    job = fetch(connection, task_id)
    assert (job.func_name, job.args, job.kwargs) == (FUNCTION, [task_id], {})
    assert (job.description, job.origin, job.timeout) == ("digits/svm", "default", -1)
    assert (job.result_ttl, job.failure_ttl) == (-1, -1)
    assert job.created_at.timestamp() == pytest.approx(store.get(task_id).created, abs=1e-5)
    assert job.get_position() == 0
    assert Queue("default", connection=connection).job_ids == [task_id]


def test_rq_follows_a_task_through_its_life(
    connection: redis.Redis, put_task, take_one, store: RedisStore
) -> None:
    task_id = put_task()
    lease = take_one("box").lease
    job = fetch(connection, task_id)
    assert (job.get_status(), job.worker_name) == (JobStatus.STARTED, "box")
    assert job.started_at is not None
    [execution] = job.get_executions()
    assert (execution.id, execution.job_id, execution.worker_name) == ("1", task_id, "box")
    assert StartedJobRegistry("default", connection=connection).get_job_ids() == [task_id]
    before = execution.last_heartbeat
    renew(connection, lease)
    assert job.get_executions()[0].last_heartbeat > before

    give_back(connection, lease, "no room")
    job = fetch(connection, task_id)
    assert (job.get_status(), job.worker_name, job.started_at) == (JobStatus.QUEUED, None, None)
    assert job.get_executions() == []
    assert StartedJobRegistry("default", connection=connection).get_job_ids() == []

    commit(connection, take_one().lease, Exited(2, "ValueError: no such file: ü"))
    job = fetch(connection, task_id)
    assert job.get_status() is JobStatus.FAILED
    assert job.ended_at is not None
    with pytest.warns(DeprecationWarning, match="exc_info"):
        assert job.exc_info == "the script exited with code 2\nValueError: no such file: ü"
    assert FailedJobRegistry("default", connection=connection).get_job_ids() == [task_id]
    assert ExecutionRegistry(task_id, connection=connection).get_execution_ids() == []

    store.move(task_id, Status.CREATED, expected=Status.FAILED)
    assert FailedJobRegistry("default", connection=connection).get_job_ids() == []
    assert not Job.exists(task_id, connection)


def test_rq_finds_completed_and_stopped_tasks_in_their_registries(
    connection: redis.Redis, put_task, take_one, store: RedisStore
) -> None:
    completed, stopped, dequeued = put_task(), put_task(), put_task()
    commit(connection, take_one().lease, Exited(0))
    commit(connection, take_one().lease, Stopped("ada"))
    store.request_stop(dequeued, StopRequest("ada"))
    assert FinishedJobRegistry("default", connection=connection).get_job_ids() == [completed]
    canceled = CanceledJobRegistry("default", connection=connection)
    assert set(canceled.get_job_ids()) == {stopped, dequeued}
    assert fetch(connection, completed).get_status() is JobStatus.FINISHED
    assert fetch(connection, stopped).get_status() is JobStatus.CANCELED
    # RQ's own deletion finds every trace that it knows of.
    for task_id in (completed, stopped, dequeued):
        fetch(connection, task_id).delete()
    assert connection.keys("rq:*") == [b"rq:queues"]


def test_rq_finds_waiting_tasks_in_its_registries(
    connection: redis.Redis, put_task, take_one, store: RedisStore
) -> None:
    moment = connection.time()[0] + 86400.5
    timed, parent = put_task(run_at=moment), put_task(retries=1, backoff_seconds=3600.0)
    child = put_task(parents=(parent,))
    scheduled = ScheduledJobRegistry("default", connection=connection)
    deferred = DeferredJobRegistry("default", connection=connection)
    assert (scheduled.get_job_ids(), deferred.get_job_ids()) == ([timed], [child])
    assert scheduled.get_scheduled_time(timed).timestamp() == moment
    assert fetch(connection, timed).get_status() is JobStatus.SCHEDULED
    assert fetch(connection, child).get_status() is JobStatus.DEFERRED
    clean_registries(Queue("default", connection=connection, serializer=JSONSerializer))

    commit(connection, take_one().lease, Exited(1))
    assert scheduled.get_job_ids() == [parent, timed]
    job = fetch(connection, parent)
    assert (job.get_status(), job.get_executions(), job.worker_name) == (JobStatus.SCHEDULED, [], None)
    assert StartedJobRegistry("default", connection=connection).get_job_ids() == []
    connection.zadd(keys.rq_scheduled("default"), {parent: 1})
    promote(connection)
    commit(connection, take_one().lease, Exited(0))
    assert (deferred.get_job_ids(), scheduled.get_job_ids()) == ([], [timed])
    assert fetch(connection, child).get_status() is JobStatus.QUEUED
    # RQ's own deletion finds a waiting task, too.
    fetch(connection, timed).delete()
    assert scheduled.get_job_ids() == []


def test_rqs_own_scheduler_may_promote_a_task(
    connection: redis.Redis, put_task, take_one, store: RedisStore
) -> None:
    task_id = put_task(run_at=connection.time()[0] + 86400.0)
    connection.zadd(keys.rq_scheduled("default"), {task_id: 1})
    scheduler = RQScheduler([Queue("default", connection=connection)], connection, serializer=JSONSerializer)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()
    assert promote(connection) is None
    claim = take_one()
    assert (claim.lease.task_id, claim.task.waits_for) == (task_id, "")
    assert commit(connection, claim.lease, Exited(0)) is Status.COMPLETED


def info(redis_url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rq.cli", "info", "--raw", "--url", redis_url],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_rq_info_counts_what_we_count(
    redis_url: str, connection: redis.Redis, put_task, take_one, store: RedisStore
) -> None:
    agent = Registration(connection, "box", ["default", "other"], slots=2, gpus=0, tags=(), version="0.1")
    agent.announce()
    for _ in range(10):
        put_task()
    put_task("other")
    put_task("other", run_at=connection.time()[0] + 86400.0)
    leases = [take_one("box").lease for _ in range(6)]
    outcomes = [Exited(0), Exited(0), Exited(0), Exited(1), Stopped("ada")]
    for lease, outcome in zip(leases[:5], outcomes, strict=True):
        commit(connection, lease, outcome)
    agent.beat(1)
    shown = info(redis_url)
    assert "queue default 4, 1 executing, 3 finished, 1 failed" in shown
    assert "queue other 1, 0 executing, 0 finished, 0 failed" in shown
    assert re.search(r"worker box \(.*\) busy default, other\. jobs: 3 finished, 1 failed", shown)
    ours = {queue.name: (queue.waiting, queue.running) for queue in list_queues(connection)}
    assert ours == {"default": (4, 1), "other": (1, 0)}
    statuses = {status: len(store.newest(status=status)) for status in (Status.COMPLETED, Status.FAILED)}
    assert statuses == {Status.COMPLETED: 3, Status.FAILED: 1}


def test_rqs_cleaning_does_not_disturb_a_lease_however_late(
    redis_url: str, connection: redis.Redis, put_task, take_one, store: RedisStore, until
) -> None:
    put_task()
    lease = take_one(seconds=0.01).lease
    until(lambda: connection.zscore(keys.LEASES, lease.task_id) < connection.time()[0] * 1000 + 999)
    info(redis_url)
    queue = Queue("default", connection=connection, serializer=JSONSerializer)
    clean_registries(queue)
    StartedJobRegistry(queue=queue).cleanup(timestamp=2**40)
    assert fetch(connection, lease.task_id).get_status() is JobStatus.STARTED
    assert store.get(lease.task_id).status is Status.IN_PROGRESS
    assert renew(connection, lease).stop is None
    assert commit(connection, lease, Exited(0)) is Status.COMPLETED
    clean_registries(queue)
    assert FinishedJobRegistry(queue=queue).get_job_ids() == [lease.task_id]


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_a_stock_rq_worker_runs_nothing_of_ours(
    redis_url: str, connection: redis.Redis, put_task, store: RedisStore, tmp_path: Path, serializer: str
) -> None:
    task_id = put_task()
    plain = redis.Redis.from_url(redis_url)
    worker = SimpleWorker(
        [Queue("default", connection=plain, serializer=serializer)], connection=plain, serializer=serializer
    )
    worker.work(burst=True)
    assert Job.fetch(task_id, connection=plain, serializer=serializer).get_status() is JobStatus.FAILED
    assert store.get(task_id).status is Status.QUEUED
