"""`list` and `show`: how far a task has come, when it will be through, and what is noted on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import queueing
from agent.cli._arrival import arrival, percent
from elsewhere.contract import keys
from elsewhere.contract.edit import Configuration, Edit, Property
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.store.memory import MemoryStore


@pytest.fixture
def running(store: Any, new_task: NewTask) -> str:
    task_id: str = store.create(new_task).id
    store.enqueue(task_id, "default")
    queueing.take_task(store.connection, "box", task_id, 600.0)
    return task_id


def test_it_arrives_when_it_goes_on_as_it_went(new_task: NewTask) -> None:
    store = MemoryStore()
    task = replace(store.create(new_task), status=Status.IN_PROGRESS, started=1000.0, attempt=1)
    for progress, when in ((25.0, 1400.0), (50.0, 1200.0), (99.9, 1000 + 100 / 0.999), (0.1, 101_000.0)):
        assert arrival(store, replace(task, progress=progress), 1100.0) == pytest.approx(when)
    for progress in (None, 0.0, 100.0):
        assert arrival(store, replace(task, progress=progress), 1100.0) is None
    for status in set(Status) - {Status.IN_PROGRESS}:
        assert arrival(store, replace(task, progress=50.0, status=status), 1100.0) is None
    assert percent(replace(task, progress=99.99)) == "99.9%"
    assert percent(replace(task, progress=7.0)) == "7%"


def test_a_later_attempt_begins_anew(store: Any, running: str) -> None:
    store.edit(running, Edit(progress=80.0), attempt=1)
    queueing.reap(store.connection)  # the first one reaps nothing
    store.connection.hincrbyfloat(keys.task(running), "started", -600)  # as ten minutes later
    store.connection.zadd(keys.LEASES, {running: 1})
    assert [reaped.task_id for reaped in queueing.reap(store.connection)] == [running]
    queueing.take_task(store.connection, "box", running, 600.0)
    task = store.get(running)
    assert (task.attempt, task.progress) == (2, None)
    claimed = [event.time for event in store.events(running) if event.kind == "claimed"][-1]
    assert task.started is not None
    assert claimed - task.started > 599
    halfway = store.edit(running, Edit(progress=50.0), attempt=2)
    assert arrival(store, halfway, claimed + 10) == pytest.approx(claimed + 20, abs=0.01)


def test_the_list_says_when_a_task_will_be_through(agent: Any, store: Any, running: str) -> None:
    (before,) = agent.json("list")
    assert (before["progress"], before["eta"]) == (None, None)
    store.connection.hincrbyfloat(keys.task(running), "started", -600)  # as ten minutes later
    store.edit(running, Edit(progress=50.5), attempt=1)
    header, row = agent("list").stdout.splitlines()
    assert header.split()[-2:] == ["progress", "eta"]
    assert row.split()[-3:-1] == ["50.5%", "9m"]
    (told,) = agent.json("list")
    assert told["progress"] == 50.5
    seconds, _ = store.connection.time()
    assert 500 < told["eta"] - seconds < 650
    shown = agent("show", running).stdout
    assert "50.5%, about 9m" in shown
    assert agent.json("show", running)["progress"] == 50.5


def test_an_ended_task_keeps_its_progress_and_will_not_be_through(
    agent: Any, store: Any, new_task: NewTask
) -> None:
    task = store.create(new_task)
    store.move(task.id, Status.CLOSED, expected=Status.CREATED)
    store.edit(task.id, Edit(progress=50.0))
    (told,) = agent.json("list")
    assert (told["progress"], told["eta"]) == (50.0, None)
    assert agent("list").stdout.splitlines()[1].split()[-2:] == ["50%", "-"]
    assert "to go" not in agent("show", task.id).stdout


def test_what_is_noted_on_a_task_is_shown(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    assert "properties" not in agent("show", task.id).stdout
    store.edit(task.id, Edit(properties={"best\x1b": Property([0.5, None], "list", "so far")}))
    blob = store.put_blob(b"x" * 2048)
    store.set_configuration(task.id, "model", Configuration(blob, ".yaml", "layers"))
    shown = agent("show", task.id).stdout
    assert "best = [0.5, null]  (so far)" in shown
    assert "model  .yaml  2.0 KiB  (layers)" in shown
    told = agent.json("show", task.id)
    assert told["properties"] == {"best\x1b": {"value": [0.5, None], "type": "list", "description": "so far"}}
    assert told["configurations"]["model"]["suffix"] == ".yaml"
    assert told["configurations"]["model"]["blob"] == {"sha256": blob.sha256, "size": 2048}
