from __future__ import annotations

import subprocess
import sys

import pytest
import redis
from rq import Queue, Worker
from rq.worker_registration import clean_worker_registry

from elsewhere.contract import keys
from elsewhere.contract.outcome import Exited
from elsewhere.store.redis import RedisStore
from queueing import QueueInfo, Registration, commit, list_agents, list_queues, pause


@pytest.fixture
def agent(connection: redis.Redis) -> Registration:
    return Registration(
        connection, "box", ["high", "default"], slots=2, gpus=1, tags=("a100", "big disk"), version="0.1"
    )


def test_an_announced_agent_is_listed_with_what_it_told(connection: redis.Redis, agent: Registration) -> None:
    agent.announce()
    [info] = list_agents(connection)
    assert (info.name, info.queues, info.slots, info.busy) == ("box", ("high", "default"), 2, 0)
    assert (info.gpus, info.tags, info.version, info.state) == (1, ("a100", "big disk"), "0.1", "active")
    assert info.host
    assert info.pid > 0
    assert 0 < info.started <= info.last_seen + 1


def test_a_beat_says_how_busy_the_agent_is_and_answers_its_state(
    connection: redis.Redis, agent: Registration
) -> None:
    agent.announce()
    started = list_agents(connection)[0].started
    assert agent.beat(2) == "active"
    connection.hset(keys.agent("box"), "state", "draining")
    assert agent.beat(1) == "draining"
    [info] = list_agents(connection)
    assert (info.busy, info.state, info.started) == (1, "draining", started)
    assert 0 < connection.ttl(keys.agent("box")) <= 60


def test_a_beat_restores_an_entry_that_was_lost(
    connection: redis.Redis, store: RedisStore, agent: Registration
) -> None:
    agent.announce()
    connection.flushdb()
    agent.beat(1)
    assert [info.name for info in list_agents(connection)] == ["box"]
    assert store.serving("high") == ["box"]
    assert [worker.name for worker in Worker.all(connection)] == ["box"]


def test_an_agent_that_fell_silent_is_not_listed(
    connection: redis.Redis, store: RedisStore, agent: Registration
) -> None:
    agent.announce()
    assert store.serving("default") == ["box"]
    connection.delete(keys.agent("box"))
    assert store.serving("default") == []
    assert list_agents(connection) == []
    assert connection.zcard(keys.AGENTS) == 0


def test_a_withdrawn_agent_leaves_nothing_behind(connection: redis.Redis, agent: Registration) -> None:
    agent.announce()
    agent.withdraw()
    agent.withdraw()
    assert connection.keys("*") == [keys.SERVER_RUN.encode()]


def test_to_rq_an_agent_is_a_worker_with_queues_and_a_state(
    connection: redis.Redis, agent: Registration
) -> None:
    agent.announce()
    [worker] = Worker.all(connection)
    assert (worker.name, worker.queue_names(), worker.get_state()) == ("box", ["high", "default"], "idle")
    assert worker.birth_date is not None
    assert worker.last_heartbeat is not None
    agent.beat(1)
    [worker] = Worker.all(queue=Queue("high", connection=connection))
    assert worker.get_state() == "busy"
    clean_worker_registry(Queue("high", connection=connection))
    assert Worker.count(connection) == 1


def test_queues_are_listed_with_what_stands_and_runs_in_them(
    connection: redis.Redis, agent: Registration, put_task, take_one
) -> None:
    agent.announce()
    for _ in range(3):
        put_task("default")
    put_task("other")
    lease = take_one().lease
    pause(connection, "held")
    assert list_queues(connection) == [
        QueueInfo("default", 2, 1, False, ("box",)),
        QueueInfo("held", 0, 0, True, ()),
        QueueInfo("high", 0, 0, False, ("box",)),
        QueueInfo("other", 1, 0, False, ()),
    ]
    commit(connection, lease, Exited(0))
    assert list_queues(connection)[0] == QueueInfo("default", 2, 0, False, ("box",))


def test_listing_agents_does_not_import_rq() -> None:
    code = "import sys, queueing.registration; sys.exit('rq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
