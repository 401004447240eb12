"""`list`, `show` and `stop`: one JSON shape for programs, aligned words for people."""

from __future__ import annotations

import json
import math
import os
import pty
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

import queueing
from elsewhere.contract import keys
from elsewhere.contract.outcome import Exited
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.contract.terms import Terms

FIELDS = {
    "id": str, "project": str, "name": str, "status": str, "status_message": str, "attempt": int,
    "agent": (str, type(None)), "queue": (str, type(None)), "parameters": dict,
    "lost_contact": bool, "waits_for": (str, type(None)),
    "exit_code": (int, type(None)), "created": float, "started": (float, type(None)),
    "ended": (float, type(None)),
}  # fmt: skip


def assert_is_a_task(value: Any) -> None:
    assert set(FIELDS) <= set(value)
    for name, kind in FIELDS.items():
        assert isinstance(value[name], kind), name


def run_to_its_end(store: Any, task_id: str, outcome: Exited) -> None:
    store.enqueue(task_id, "default")
    claim = queueing.take_task(store.connection, "box", task_id, 60.0)
    queueing.commit(store.connection, claim.lease, outcome)


def test_show_holds_every_promised_field_of_a_draft(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    shown = agent.json("show", task.id)
    assert_is_a_task(shown)
    assert shown["status"] == "created"
    assert shown["parameters"] == {"Args/C": 0.5, "Args/kernel": "rbf"}
    assert shown["overrides"] == ["Args/C"]
    assert [shown[name] for name in ("agent", "queue", "exit_code", "started", "ended")] == [None] * 5
    assert [event["kind"] for event in shown["events"]] == ["created"]


def test_show_holds_the_end_of_a_run(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    run_to_its_end(store, task.id, Exited(3, "ValueError: no such kernel"))
    shown = agent.json("show", task.id)
    assert_is_a_task(shown)
    assert (shown["status"], shown["exit_code"], shown["attempt"]) == ("failed", 3, 1)
    assert (shown["agent"], shown["queue"]) == ("box", "default")
    assert "ValueError: no such kernel" in shown["status_message"]
    assert shown["created"] <= shown["started"] <= shown["ended"]


def test_list_is_an_array_of_the_same_with_the_newest_first(
    agent: Any, store: Any, new_task: NewTask
) -> None:
    ids = [store.create(new_task).id for _ in range(3)]
    listed = agent.json("list")
    assert [task["id"] for task in listed] == ids[::-1]
    for task in listed:
        assert_is_a_task(task)
    assert [task["id"] for task in agent.json("list", "--limit", "2")] == ids[:0:-1]


def test_list_can_be_narrowed_to_a_status(agent: Any, store: Any, new_task: NewTask) -> None:
    store.create(new_task)
    failed = store.create(new_task)
    run_to_its_end(store, failed.id, Exited(1))
    assert [task["id"] for task in agent.json("list", "--status", "failed")] == [failed.id]
    assert agent.json("list", "--status", "in-progress") == []
    wrong = agent("list", "--status", "sleeping")
    assert wrong.returncode == 2
    assert "in_progress" in wrong.stderr


def test_people_see_the_same_facts(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    run_to_its_end(store, task.id, Exited(3, "Traceback\nValueError: \x1b]0;owned\x07no"))
    shown = agent("show", task.id).stdout
    for fact in (task.id, "digits", "svm", "failed", "train.py --C 0.5", "Args/C = 0.5  (set by hand)"):
        assert fact in shown
    assert "\x1b" not in shown


def test_a_piped_list_is_plain_lines_with_whole_ids(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    header, row = agent("list", COLUMNS="20").stdout.splitlines()
    assert header.split()[:3] == ["id", "status", "project"]
    assert row.split()[:4] == [task.id, "created", "digits", "svm"]


def test_a_name_cannot_command_the_terminal(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(NewTask("p\x1b[2J", "n\x9b2Jn", new_task.spec, {"Args/\x9bx": "\x9b2J"}))
    for words in (("list",), ("show", task.id)):
        shown = agent(*words).stdout
        assert "\x1b" not in shown
        assert "\x9b" not in shown


def test_a_terminal_gets_a_table(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    controller, terminal = pty.openpty()
    process = agent.start("list", stdout=terminal)
    os.close(terminal)
    seen = b""
    with suppress(OSError):  # a terminal that nobody writes to any more reads as EIO
        while piece := os.read(controller, 65536):
            seen += piece
    os.close(controller)
    assert process.wait() == 0
    assert task.id[:12].encode() in seen


def test_an_empty_list_says_so_but_prints_no_row(agent: Any) -> None:
    ended = agent("list")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "no tasks\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_stays_json_whatever_a_parameter_is(
    agent: Any, store: Any, new_task: NewTask, value: float
) -> None:
    task = store.create(NewTask("p", "n", new_task.spec, {"Args/x": [value]}))
    text = agent("show", task.id, "--json").stdout

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert isinstance(json.loads(text, parse_constant=refuse)["parameters"]["Args/x"][0], str)


def test_an_id_may_be_shortened_while_it_is_unique(
    agent: Any, store: Any, new_task: NewTask, valkey_url: str
) -> None:
    task = store.create(new_task)
    assert agent.json("show", task.id[:10])["id"] == task.id
    while len({other.id[0] for other in store.newest(200)}) == len(store.newest(200)):
        store.create(new_task)
    digits = [other.id[0] for other in store.newest(200)]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    ambiguous = agent("show", twice)
    assert ambiguous.returncode == 4
    assert "several" in ambiguous.stderr
    assert agent("show", "zzz").returncode == 4


def test_a_queued_task_is_stopped_at_once(agent: Any, store: Any, new_task: NewTask) -> None:
    task = store.create(new_task)
    store.enqueue(task.id, "default")
    assert agent.json("stop", task.id[:12])["status"] == "stopped"
    again = agent("stop", task.id)
    assert again.returncode == 0
    assert "had ended already" in again.stdout


def test_a_running_task_is_asked_with_the_grace_that_was_given(
    agent: Any, store: Any, new_task: NewTask
) -> None:
    task = store.create(new_task)
    store.enqueue(task.id, "default")
    queueing.take_task(store.connection, "box", task.id, 60.0)
    assert "asked to stop" in agent("stop", task.id, "--grace", "2.5").stdout
    stop = store.get(task.id).stop
    assert stop is not None
    assert stop.grace == 2.5
    assert "@" in stop.by
    assert store.get(task.id).status is Status.IN_PROGRESS


def test_a_running_task_that_is_not_heard_of_has_lost_contact(
    agent: Any, store: Any, new_task: NewTask
) -> None:
    heard, silent = (store.create(new_task).id for _ in range(2))
    for task_id in (heard, silent):
        store.enqueue(task_id, "default")
        queueing.take_task(store.connection, "box", task_id, 600.0)
    store.connection.zincrby(keys.LEASES, -301_000, silent)  # as 301 s later
    assert {task["id"]: task["lost_contact"] for task in agent.json("list")} == {heard: False, silent: True}
    assert [agent.json("show", task)["lost_contact"] for task in (heard, silent)] == [False, True]
    assert "in_progress (lost contact)" in agent("show", silent).stdout
    assert agent("list").stdout.count("in_progress (lost contact)") == 1
    assert agent.json("stop", silent)["lost_contact"] is True
    assert agent.json("show", silent)["status"] == "in_progress"


def test_a_waiting_task_says_for_what(agent: Any, store: Any, new_task: NewTask) -> None:
    parent = store.create(new_task).id
    child = store.create(replace(new_task, terms=Terms(parents=(parent,), retries=3, priority=7))).id
    later = store.create(replace(new_task, terms=Terms(run_at=4e9))).id
    for task_id in (child, later):
        store.enqueue(task_id, "default")
    waits = {task["id"]: task["waits_for"] for task in agent.json("list")}
    assert waits == {parent: None, child: f"for parent {parent}", later: "until 2096-10-02T07:06:40Z"}
    assert f"queued (waits for parent {parent})" in agent("list").stdout
    shown = agent("show", child).stdout
    for fact in (f"queued (waits for parent {parent})", "0 of 3", f"task {parent}"):
        assert fact in shown
    told = agent.json("show", child)
    assert (told["terms"]["parents"], told["terms"]["priority"], told["retries_used"]) == ([parent], 7, 0)
    assert told["terms"]["limits"] == {"memory_bytes": None, "cpus": None}


class TestDraining:
    """`agent drain`."""

    def announce(self, store: Any, name: str) -> queueing.Registration:
        registration = queueing.Registration(
            store.connection, name, ("default",), slots=1, gpus=0, tags=(), version="1"
        )
        registration.announce()
        return registration

    def test_an_agent_hears_of_it_with_its_next_beat(self, agent: Any, store: Any) -> None:
        box, other = self.announce(store, "box"), self.announce(store, "other")
        assert agent.json("drain", "box") == {"name": "box", "state": "draining"}
        assert (box.beat(0), other.beat(0)) == ("draining", "active")
        assert agent("drain", "box").stdout.startswith("agent box drains")

    def test_the_only_agent_needs_no_name(self, agent: Any, store: Any) -> None:
        box = self.announce(store, "box")
        assert agent("drain").returncode == 0
        assert box.beat(0) == "draining"

    def test_of_several_one_must_be_named(self, agent: Any, store: Any) -> None:
        box, other = self.announce(store, "box"), self.announce(store, "other")
        ended = agent("drain")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "box, other" in ended.stderr
        assert (box.beat(0), other.beat(0)) == ("active", "active")

    def test_one_that_is_not_there_is_no_agent(self, agent: Any) -> None:
        for words in (("drain",), ("drain", "box")):
            ended = agent(*words)
            assert ended.returncode == 4
            assert "agent workers" in ended.stderr

    def test_a_real_daemon_ends(self, agent: Any, store: Any) -> None:
        daemon = agent.start("daemon", "--name", "box")
        deadline = time.monotonic() + 60
        while not store.serving("default"):
            assert daemon.poll() is None, daemon.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert agent("drain").returncode == 0
        assert daemon.wait(60) == 0
        assert store.serving("default") == []


def test_queues_are_listed_paused_and_resumed(agent: Any, store: Any, new_task: NewTask) -> None:
    store.enqueue(store.create(new_task).id, "night")
    assert agent("queue", "pause", "night").stdout == "queue night is paused\n"
    (queue,) = agent.json("queue", "list")
    assert queue == {"name": "night", "waiting": 1, "running": 0, "paused": True, "agents": []}
    assert agent.json("queue", "resume", "night") == {"name": "night", "paused": False}
    assert "nobody" in agent("queue", "list").stdout
    assert agent("queue", "pause", "a b").returncode == 2


def test_agents_that_are_alive_are_listed(agent: Any, valkey_url: str, store: Any) -> None:
    assert agent.json("workers") == []
    queueing.Registration(
        store.connection, "box", ("default", "night"), slots=2, gpus=1, tags=("big",), version="1"
    ).announce()
    (worker,) = agent.json("workers")
    assert (worker["name"], worker["queues"], worker["slots"]) == ("box", ["default", "night"], 2)
    assert "default,night" in agent("workers").stdout
    assert isinstance(store.connection, redis.Redis)


def test_a_list_reads_nothing_from_the_folder_it_is_run_in(agent: Any, tmp_path: Path) -> None:
    for name in ("agent", "queueing", "executors"):
        package = agent.folder / name
        package.mkdir()
        (package / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    assert agent("list", PYTHONPATH=str(agent.folder)).returncode == 0
