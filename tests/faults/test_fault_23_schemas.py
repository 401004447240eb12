"""Fault 23: two versions of Elsewhere side by side, and data that nobody can read."""

from __future__ import annotations

import time

import pytest
from faults.conftest import Recorder
from faults.server import OwnServer
from flow.world import World

from elsewhere.contract import keys
from elsewhere.contract.codec import SCHEMA
from elsewhere.contract.errors import SchemaError
from elsewhere.contract.lease import Offer
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import take, take_task


def _submit(world: World, name: str) -> str:
    return world.submit(world.repository(name, main__py=f"print('ran {name}')\n"), "main.py")


def _rewrite_as_newer(server: OwnServer, task: str) -> dict[bytes, bytes]:
    """The task as the next version would have written it, which also knows more fields."""
    key = keys.task(task)
    spec = server.client.hget(key, "spec")
    newer = spec.replace(f'"schema":{SCHEMA}'.encode(), f'"schema":{SCHEMA + 1}'.encode(), 1)
    assert newer != spec
    server.client.hset(key, mapping={"spec": newer, "schema": SCHEMA + 1, "of_tomorrow": "kept"})
    return server.client.hgetall(key)


@pytest.mark.fault(23)
def test_a_task_of_a_newer_version_is_left_untouched_for_an_agent_that_can_read_it(
    own_server: OwnServer, world: World, figure: Recorder
) -> None:
    """It stays first in its queue, byte by byte as it was; what stands behind it runs.

    Seen failing with ``take.lua`` blind to the schema: the agent took the task and failed it.
    """
    newer, behind = _submit(world, "newer"), _submit(world, "behind")
    written = _rewrite_as_newer(own_server, newer)
    box = world.box("--heartbeat", "0.3", "--lease", "2")
    began = time.monotonic()
    world.wait_for(behind, "completed")
    seconds = time.monotonic() - began
    connection = connect(world.url)
    with pytest.raises(SchemaError, match=f"schema version {SCHEMA + 1}"):
        take_task(connection, "by-hand", newer, 20.0)
    refused = world.agent("show", newer, check=False)
    assert refused.returncode == 7
    assert f"schema version {SCHEMA + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert box.drain() == 0
    assert own_server.client.hgetall(keys.task(newer)) == written
    assert own_server.client.lrange(keys.rq_queue("default"), 0, -1) == [newer.encode()]
    # The agent of tomorrow comes, and reads it.
    own_server.client.hset(keys.task(newer), mapping={"spec": _older(written[b"spec"]), "schema": SCHEMA})
    world.box()
    assert world.wait_for(newer, "completed")["attempt"] == 1
    figure(
        fault=23,
        promise="a task of a newer schema is left untouched for a newer agent; older agents go on behind it",
        seconds=seconds,
        measured="agent's start to the end of the task behind it",
    )


def _older(spec: bytes) -> bytes:
    return spec.replace(f'"schema":{SCHEMA + 1}'.encode(), f'"schema":{SCHEMA}'.encode(), 1)


@pytest.mark.fault(23)
def test_a_task_of_an_older_desk_that_names_no_schema_runs(own_server: OwnServer, world: World) -> None:
    """Tasks that were stored before the schema stood in their hash are of the first one.

    Seen failing with a missing schema taken for a newer one: the task was never taken.
    """
    task = _submit(world, "older")
    assert own_server.client.hdel(keys.task(task), "schema") == 1
    world.box()
    world.wait_for(task, "completed")


@pytest.mark.fault(23)
@pytest.mark.parametrize("damage", [b"{", b'{"schema":1,"TaskSpec":{"entry":{"script":1}}}'])
def test_a_task_that_nobody_can_read_fails_and_the_agent_goes_on(
    own_server: OwnServer, world: World, damage: bytes
) -> None:
    """It ends with a message that names the field, instead of bringing down one agent after the other.

    Seen failing with a claim that raises and leaves unreadable data to its lease: the daemon died of it.
    """
    broken, behind = _submit(world, "broken"), _submit(world, "behind")
    whole = own_server.client.hget(keys.task(broken), "spec")
    own_server.client.hset(keys.task(broken), "spec", damage)
    box = world.box()
    world.wait_for(behind, "completed")
    assert box.drain() == 0
    own_server.client.hset(keys.task(broken), "spec", whole)
    shown = world.wait_for(broken, "failed")
    assert "spec" in shown["status_message"].lower()
    assert "never ran" in shown["status_message"]
    assert own_server.client.zscore(keys.LEASES, broken) is None


@pytest.mark.fault(23)
def test_what_an_older_agent_writes_keeps_the_fields_that_it_does_not_know(
    own_server: OwnServer, world: World
) -> None:
    """Moves touch their own fields alone: a task that both versions can read keeps what is newer in it.

    Seen failing with a claim that wrote the whole hash anew: the field was gone.
    """
    task = _submit(world, "shared")
    own_server.client.hset(keys.task(task), "of_tomorrow", "kept")
    world.box()
    world.wait_for(task, "completed")
    assert own_server.client.hget(keys.task(task), "of_tomorrow") == b"kept"
    assert take(connect(world.url), "other", ["default"], Offer(), 20.0) is None
    assert RedisStore(world.url).get(task).attempt == 1
