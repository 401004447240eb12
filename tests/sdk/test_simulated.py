"""A task of the store runs at a desk as if an agent ran it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from elsewhere.contract.edit import Configuration
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk, Ran


class Simulate(Protocol):
    """Runs a script that works as the task."""

    def __call__(self, work: str, *, reset: bool = False, **more: str) -> Ran: ...


TRAIN = """
import argparse, json, sys
from elsewhere import Task
Task.debug_simulate_remote_task({task!r}, reset_task={reset})
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1.0)
parser.add_argument("--depth", type=int, default=1)
args = parser.parse_args()
task = Task.init("other", "another", auto_connect_arg_parser=True)
{work}
"""


@pytest.fixture
def store(valkey_url: str, elsewhere_home: Path) -> Iterator[RedisStore]:
    store = RedisStore(valkey_url)
    yield store
    store.close()


@pytest.fixture
def task(store: RedisStore) -> str:
    parameters = {"Args/lr": 0.5, "General/width": 3, "General/widht": 1}
    new = NewTask("digits", "svm", TaskSpec(Entry("train.py")), parameters, tuple(parameters))
    task = store.create(new).id
    store.set_configuration(task, "net", Configuration(store.put_blob(b'{"layers": 7}'), ".json", ""))
    return task


@pytest.fixture
def simulate(repository: Desk, valkey_url: str, task: str) -> Simulate:
    def run(work: str, *, reset: bool = False, **more: str) -> Ran:
        text = TRAIN.format(task=task, reset=reset, work=textwrap.dedent(work))
        return repository.run(text, "--lr", "9", ELSEWHERE_REDIS_URL=valkey_url, **more)

    return run


def test_what_the_task_holds_is_laid_over_what_the_script_says(
    simulate: Simulate, store: RedisStore, task: str
) -> None:
    ran = simulate("""
        width = task.connect({"width": 1, "height": 2})
        net = task.connect_configuration({"layers": 1}, "net")
        assert Task.init() is task is Task.current_task()
        assert task.execute_remotely("nobody") is task
        print(json.dumps([task.id, task.name, task.status, args.lr, args.depth, dict(width), dict(net)]))
        """)
    assert ran.said == [
        task, "svm", "in_progress", 0.5, 1, {"width": 3, "height": 2}, {"layers": 7},
    ]  # fmt: skip
    ended = store.get(task)
    assert (ended.status, ended.progress) == (Status.COMPLETED, 100)
    assert dict(ended.parameters) == {
        "Args/lr": 0.5, "Args/depth": 1, "General/widht": 1, "General/width": 3, "General/height": 2,
    }  # fmt: skip
    assert "General/widht; did you mean General/width?" in ran.stderr
    assert [record.id for record in store.newest()] == [task]


def test_a_failing_script_fails_the_task(simulate: Simulate, store: RedisStore, task: str) -> None:
    assert simulate("raise KeyError('the shovel')").code == 1
    ended = store.get(task)
    assert ended.status is Status.FAILED
    assert "the shovel" in ended.status_message


def test_once_closed_the_desk_is_a_desk_again(simulate: Simulate, store: RedisStore, task: str) -> None:
    ran = simulate("task.close()\nprint(json.dumps(Task.init('digits', 'other').id))")
    assert ran.said != task
    assert store.get(task).status is Status.COMPLETED


def test_only_a_draft_runs_unless_it_may_be_reset(simulate: Simulate, store: RedisStore, task: str) -> None:
    assert simulate("pass").code == 0
    ran = simulate("pass")
    assert ran.code == 1
    assert "reset_task=True" in ran.stderr
    assert simulate("print('again')", reset=True).stdout == "again\n"
    store.move(task, Status.CREATED, expected=Status.COMPLETED)
    store.enqueue(task, "default")
    ran = simulate("pass", reset=True)
    assert ran.code == 1
    assert "Task.dequeue" in ran.stderr
    assert store.get(task).status is Status.QUEUED


def test_one_that_is_not_there_is_an_error(repository: Desk, valkey_url: str, elsewhere_home: Path) -> None:
    text = "from elsewhere import Task\nTask.debug_simulate_remote_task('abc')"
    ran = repository.run(text, ELSEWHERE_REDIS_URL=valkey_url)
    assert ran.code == 1
    assert "TaskNotFound" in ran.stderr


def test_workers_that_run_the_script_again_see_the_same_and_end_nothing(
    simulate: Simulate, store: RedisStore, task: str
) -> None:
    work = """
        import multiprocessing
        def look(number): return [args.lr, task.id]
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seen = pool.map(look, [1])
            print(json.dumps([*seen, task.status]))
        """
    assert simulate(work).said == [[0.5, task], "in_progress"]
    assert store.get(task).status is Status.COMPLETED


def test_in_an_attempt_it_does_nothing(desk: Desk) -> None:
    script = """
        import json
        from elsewhere import Task
        Task.debug_simulate_remote_task("any", reset_task=True)
        print(json.dumps(Task.init().name))
        """
    assert desk.attempt(textwrap.dedent(script)).said == "svm"
