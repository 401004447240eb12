"""Fault 9: the server is killed (SIGKILL) and started again, its append-only file on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from faults.conftest import Recorder
from faults.server import OwnServer
from faults.steady import Steady
from flow.world import World, eventually

from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore

FAST = ("--heartbeat", "0.5", "--lease", "6")
DOWN_SECONDS = 3.0


@pytest.mark.fault(9)
def test_nothing_that_a_killed_server_had_acknowledged_is_lost(
    world: World, own_server: OwnServer, figure: Recorder
) -> None:
    """Seen failing with `OwnServer.start` saying `--appendonly no`: the running task was gone, and its log with it."""
    world.box(*FAST)
    steady = Steady(world)
    pid = steady.begun()
    second = Steady(world)
    with _putting(world, steady) as acknowledged:
        eventually(lambda: len(acknowledged) > 50, 30, "tasks to be acknowledged")
        own_server.kill()
        time.sleep(DOWN_SECONDS)
        seen_down = len(acknowledged)
        own_server.start()
        back = time.monotonic()
        seen = len(steady.lines())
        eventually(lambda: len(steady.lines()) > seen + 10 * DOWN_SECONDS, 30, "what was written meanwhile")
        figure(
            fault=9,
            promise="nothing acknowledged is lost, what ran runs on as attempt 1, and its log is complete",
            measured=f"server back after {DOWN_SECONDS:g} s → what was written meanwhile is in the store, lease of 6 s",
            seconds=time.monotonic() - back,
        )
        eventually(lambda: len(acknowledged) > seen_down + 10, 30, "tasks to be acknowledged again")
    store = RedisStore(world.url)
    assert {store.get(task).status.value for task in acknowledged} == {"queued"}
    line = own_server.client.lrange("rq:queue:many", 0, -1)
    assert set(acknowledged) <= {task.decode() for task in line}
    for task in (steady, second):
        task.open_gate()
        assert task.ended("completed").attempt == 1
        task.require_whole_log()
    assert [told.pid for told in steady.told] == [pid, pid]


@contextlib.contextmanager
def _putting(world: World, like: Steady) -> Iterator[list[str]]:
    """Put tasks onto a queue that nobody serves, on and on; the ids of those whose answer came."""
    acknowledged: list[str] = []
    over = threading.Event()
    store, spec = RedisStore(world.url), like.record.spec

    def put() -> None:
        while not over.is_set():
            try:
                task = store.create(NewTask("many", "one of many", spec)).id
                store.enqueue(task, "many")
            except ElsewhereError:
                over.wait(0.1)
            else:
                acknowledged.append(task)
                over.wait(0.005)

    putter = threading.Thread(target=put)
    putter.start()
    try:
        yield acknowledged
    finally:
        over.set()
        putter.join(10)
