"""`submit`: a script goes to a queue as it stands, from a real git repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

import queueing
from elsewhere.contract.outcome import Exited
from elsewhere.contract.status import Status
from elsewhere.contract.terms import Limits, Terms
from tests.cli.swallow import swallowing


@pytest.fixture
def repository(agent: Any) -> Path:
    """A small repository with a commit and an uncommitted change; `agent` stands in it."""
    folder = agent.folder
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "fit.py").write_text("print('fit')\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    (folder / "train.py").write_text("print('hello, changed')\n")
    return Path(folder)


def run_as_an_agent(store: Any, task_id: str, code: int) -> None:
    claim = queueing.take_task(store.connection, "box", task_id, 60.0)
    store.append_log(task_id, 1, 1, b"from the box\n")
    queueing.commit(store.connection, claim.lease, Exited(code))


def test_a_script_is_queued_with_the_state_it_is_in(agent: Any, store: Any, repository: Path) -> None:
    ended = agent("submit", "--json", "train.py")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["status"], told["queue"], told["project"], told["name"], told["attempt"]) == (
        "queued", "default", "desk", "train", 0,
    )  # fmt: skip
    source = store.get(told["id"]).spec.source
    assert source.commit
    assert b"hello, changed" in store.get_blob(source.diff)
    assert store.get_blob(source.bundle)


def test_what_follows_the_script_is_the_scripts_own(agent: Any, store: Any, repository: Path) -> None:
    words = ["--C", "0.5", "--help", "--json", "--", "-x", "a b", ""]
    ended = agent("submit", "--json", "--queue", "night", "--name", "n", "--project", "p", "train.py", *words)
    task = store.get(json.loads(ended.stdout)["id"])
    assert task.spec.entry.arguments == tuple(words)
    assert (task.queue, task.name, task.project) == ("night", "n", "p")


def test_parameters_and_needs_are_typed(agent: Any, store: Any, repository: Path) -> None:
    ended = agent(
        "submit", "--json", "--param", "Args/lr=0.1", "--param", "Args/kernel=rbf", "--tag", "big", "--tag",
        "fast", "--gpus", "2", "--module", "pkg.fit",
    )  # fmt: skip
    told = json.loads(ended.stdout)
    assert told["parameters"] == {"Args/lr": 0.1, "Args/kernel": "rbf"}
    task = store.get(told["id"])
    assert set(task.overrides) == {"Args/lr", "Args/kernel"}
    assert (task.spec.needs.gpus, task.spec.needs.tags) == (2, ("big", "fast"))
    assert (task.spec.entry.kind, task.spec.entry.script, task.name) == ("module", "pkg.fit", "fit")


def test_the_terms_reach_the_task(agent: Any, store: Any, repository: Path) -> None:
    parent = submitted(agent, "train.py")
    began, _ = store.connection.time()
    task = store.get(
        submitted(
            agent, "--retries", "2", "--backoff", "1m", "--timeout", "1h30m", "--after", "2h", "--depends-on",
            parent[:12], "--depends-on", parent, "--priority", "-3", "--memory-limit", "8GiB", "--cpus", "1.5",
            "train.py",
        )
    )  # fmt: skip
    run_at = task.terms.run_at
    assert task.terms == Terms(-3, run_at, (parent,), 2, 60.0, 5400.0, Limits(8 * 1024**3, 1.5))
    assert began + 7200 <= run_at < began + 7300
    assert task.waits_for == f"for parent {parent}"


def test_a_moment_may_be_given(agent: Any, store: Any, repository: Path) -> None:
    ended = agent("submit", "--at", "2096-10-02T07:06:40Z", "train.py")
    (task,) = store.newest()
    assert task.terms.run_at == 4e9
    assert f"task {task.id} is queued in default, and waits until 2096-10-02T07:06:40Z" in ended.stdout
    assert agent.json("show", task.id)["waits_for"] == "until 2096-10-02T07:06:40Z"


def test_the_usual_terms_are_those_of_the_contract(agent: Any, store: Any, repository: Path) -> None:
    assert store.get(submitted(agent, "train.py")).terms == Terms()


def test_a_parent_that_is_no_task_keeps_the_run_here(agent: Any, store: Any, repository: Path) -> None:
    assert agent("submit", "--depends-on", "abcdef", "train.py").returncode == 4
    assert store.newest() == []


def test_a_parent_that_failed_before_stops_the_task_and_says_so(
    agent: Any, store: Any, repository: Path
) -> None:
    parent = submitted(agent, "train.py")
    run_as_an_agent(store, parent, 3)
    ended = agent("submit", "--depends-on", parent, "train.py")
    task = store.newest()[0]
    assert ended.returncode == 0
    assert f"task {task.id} is stopped: parent failed: {parent}" in ended.stdout


def test_a_submit_that_never_heard_tells_the_key_that_finishes_it(
    agent: Any, store: Any, repository: Path, valkey_url: str
) -> None:
    with swallowing(valkey_url) as proxy:
        proxy.swallow(b"night", 1000)
        unheard = agent("submit", "--queue", "night", "train.py", ELSEWHERE_REDIS_URL=proxy.url)
    assert unheard.returncode == 3
    key = unheard.stderr.partition("--submission ")[2].partition("`")[0]
    (task,) = store.newest()
    assert submitted(agent, "--queue", "night", "--submission", key, "train.py") == task.id
    assert store.get(task.id).status is Status.QUEUED
    run_as_an_agent(store, task.id, 0)
    again = agent("submit", "--queue", "night", "--submission", key, "train.py")
    assert f"task {task.id} is completed" in again.stdout
    assert len(store.newest()) == 1


def submitted(agent: Any, *words: str) -> str:
    ended = agent("submit", "--json", *words)
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["id"])


def test_a_queue_that_nobody_serves_is_warned_of(agent: Any, store: Any, repository: Path) -> None:
    lonely = agent("submit", "train.py")
    assert lonely.returncode == 0
    assert "no agent serves the queue default" in lonely.stderr
    assert "agent daemon --queue default" in lonely.stderr
    queueing.Registration(
        store.connection, "box", ("default",), slots=1, gpus=0, tags=(), version="1"
    ).announce()
    served = agent("submit", "train.py")
    assert "no agent serves" not in served.stderr
    assert "agent logs -f" in served.stdout
    assert "behind one other" in served.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("missing.py",), 8),
        (("--param", "lr=0.1", "train.py"), 2),
        (("--param", "Args/lr", "train.py"), 2),
        (("--queue", "a b", "train.py"), 2),
    ],
)
def test_what_cannot_be_submitted_leaves_nothing_behind(
    agent: Any, store: Any, repository: Path, words: tuple[str, ...], code: int
) -> None:
    ended = agent("submit", "--json", *words)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert json.loads(ended.stderr.splitlines()[-1])["error"]["what"]
    assert store.newest() == []


@pytest.mark.parametrize(("outcome", "code"), [(0, 0), (3, 1)])
def test_follow_shows_the_log_and_exits_with_the_verdict(
    agent: Any, store: Any, repository: Path, outcome: int, code: int
) -> None:
    process = agent.start("submit", "--follow", "train.py")
    first = process.stdout.readline().decode()
    run_as_an_agent(store, first.split()[1], outcome)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out.endswith(b"from the box\n")
    assert (b"completed" if code == 0 else b"failed") in err


def test_follow_with_json_keeps_stdout_to_the_task(agent: Any, store: Any, repository: Path) -> None:
    process = agent.start("submit", "--json", "--follow", "train.py")
    while not (waiting := store.newest(status=Status.QUEUED)):
        assert process.poll() is None
    run_as_an_agent(store, waiting[0].id, 0)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["status"]) == (0, "completed")
    assert b"from the box\n" in err


def test_an_interrupt_while_following_leaves_the_task_alone(agent: Any, store: Any, repository: Path) -> None:
    process = agent.start("submit", "--follow", "train.py")
    task_id = process.stdout.readline().decode().split()[1]
    claim = queueing.take_task(store.connection, "box", task_id, 60.0)
    store.append_log(task_id, 1, 1, b"running\n")
    while b"running" not in (piece := os.read(process.stdout.fileno(), 4096)):
        assert piece
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert b"the task goes on" in err
    assert store.get(task_id).stop is None
    assert queueing.renew(store.connection, claim.lease).stop is None
