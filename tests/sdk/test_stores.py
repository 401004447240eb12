"""One store of all tasks in a process, whoever asks, and its children."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere.contract.errors import ServerUnreachable
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.face.stores import the_store
from elsewhere.settings import find_folders
from elsewhere.store.embedded import stop_server
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import Desk

SVM = NewTask("digits", "svm", TaskSpec(Entry("train.py")))


def test_all_threads_have_the_same_one(server: RedisStore) -> None:
    with ThreadPoolExecutor(16) as threads:
        stores = list(threads.map(lambda _: the_store(), range(64)))
    assert len({id(store) for store in stores}) == 1


def test_another_server_is_another_store(
    server: RedisStore, valkey: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = the_store()
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", valkey.fresh_url())  # type: ignore[attr-defined]
    assert the_store() is not first


def test_a_forked_child_and_its_parent_do_not_read_each_others_answers(server: RedisStore) -> None:
    ids = {server.create(SVM).id for _ in range(20)}
    assert set(Task.query_tasks()) == ids
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            wrong = 1
            try:
                wrong = sum(set(Task.query_tasks()) != ids for _ in range(50))
            finally:
                os._exit(min(wrong, 1))
        children.append(child)
    assert all(set(Task.query_tasks()) == ids for _ in range(50))
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4


def test_a_server_that_is_not_there_is_named(elsewhere_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE_REDIS_URL", f"unix://{elsewhere_home}/nobody.sock")
    with pytest.raises(ServerUnreachable, match=r"nobody\.sock"):
        Task.get_tasks()


def test_the_embedded_server_is_started_where_none_is_set(elsewhere_home: Path) -> None:
    try:
        assert Task.get_tasks() == []
        made = the_store().create(SVM)
        assert [task.id for task in Task.get_tasks()] == [made.id]
    finally:
        folders = find_folders()
        stop_server(folders.server, folders.server_socket)


def test_an_attempt_that_is_given_a_server_reaches_all_tasks(desk: Desk, server: RedisStore) -> None:
    made = server.create(SVM).id
    ran = desk.attempt(
        "import json\n"
        "from elsewhere import Task\n"
        "task = Task.init()\n"
        "found = Task.get_task(project_name='digits', task_name='svm')\n"
        "copy = Task.clone(found, name='copy')\n"
        "Task.enqueue(copy, 'night')\n"
        "print(json.dumps([found.id, copy.id]))\n",
        ELSEWHERE_REDIS_URL=os.environ["ELSEWHERE_REDIS_URL"],
    )
    found, copy = ran.said
    assert found == made
    assert (server.get(copy).name, server.get(copy).queue) == ("copy", "night")


@pytest.mark.parametrize(
    "call",
    [
        "Task.get_tasks()",
        "Task.query_tasks()",
        "Task.get_task(task_name='svm')",
        "Task.get_task('ab')",
        "Task.clone(Task.init())",
        "Task.enqueue(Task.init(), 'night')",
        "Task.dequeue('ab')",
        "Task.get_num_enqueued_tasks('night')",
        "Task.init().delete(raise_on_error=True)",
        "Task.init().get_reported_console_output()",
        "Task.import_task(Task.init().export_task())",
        "Task.init().set_parent('ab')",
    ],
)
def test_an_attempt_that_is_given_none_is_told_so(call: str, desk: Desk) -> None:
    ran = desk.attempt(f"from elsewhere import Task\nprint({call})\n")
    assert ran.code == 1
    assert "UsageError: an attempt reaches its own task only, and this call needs others" in ran.stderr
    assert "let the script set ELSEWHERE_REDIS_URL in os.environ" in ran.stderr
