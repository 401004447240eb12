"""Which task a run is: a new one, the last one anew, or one that goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from elsewhere.contract.edit import ARCHIVED, Edit
from elsewhere.contract.series import Points, Scalars
from elsewhere.contract.status import Status
from elsewhere.desk import process, recent
from elsewhere.store.redis import RedisStore
from tests.parameters.desk import CHECKOUT, Desk

OPEN = """
import json, sys
from elsewhere import Task
from elsewhere.contract.write import ConfigurationSet, ParametersSet
task = Task.init("digits", "svm", **json.loads(sys.argv[1]))
task._place.write(ParametersSet({sys.argv[2]: 1}))
task._place.write(ConfigurationSet(sys.argv[3], b"x"))
print(json.dumps([task.id, task.get_initial_iteration(), sorted(task.get_parameters())]))
"""


class Runs:
    """Runs one script again and again."""

    def __init__(self, desk: Desk, url: str) -> None:
        self._desk = desk
        self._url = url

    def __call__(self, parameter: str = "General/a", configuration: str = "c", **arguments: object) -> str:
        return str(self.all(parameter, configuration, **arguments)[0])

    def all(
        self, parameter: str = "General/a", configuration: str = "c", **arguments: object
    ) -> tuple[str, int, list[str]]:
        ran = self._desk.run(
            OPEN, json.dumps(arguments), parameter, configuration, ELSEWHERE_REDIS_URL=self._url
        )
        self.said = ran.stderr
        task_id, offset, parameters = ran.said
        return task_id, offset, parameters


@pytest.fixture
def runs(repository: Desk, url: str) -> Runs:
    return Runs(repository, url)


def test_a_run_of_the_same_names_begins_the_last_one_anew(runs: Runs, store: RedisStore) -> None:
    first = runs("General/a", "old", tags=["old"])
    assert runs("General/b", "new", tags=["new"]) == first
    (task,) = store.newest()
    assert (task.status, task.attempt, task.parameters, task.tags) == (
        Status.COMPLETED,
        2,
        {"General/b": 1},
        ("new",),
    )
    assert list(store.configurations(task.id)) == ["new"]
    assert runs.said == ""


@pytest.mark.parametrize(
    "names", [{"project_name": "other"}, {"task_name": "other"}, {"task_type": "testing"}]
)
def test_other_names_or_types_are_other_tasks(
    repository: Desk, url: str, store: RedisStore, names: dict[str, str]
) -> None:
    text = "import json, sys\nfrom elsewhere import Task\nTask.init(**json.loads(sys.argv[1]))"
    same = {"project_name": "digits", "task_name": "svm"}
    for arguments in (same, {**same, **names}):
        assert repository.run(text, json.dumps(arguments), ELSEWHERE_REDIS_URL=url).code == 0
    assert len(store.newest()) == 2


def test_asked_not_to_it_is_a_new_task(runs: Runs) -> None:
    assert runs() != runs(reuse_last_task_id=False)


def test_what_was_enqueued_archived_or_published_is_left_alone(runs: Runs, store: RedisStore) -> None:
    enqueued = runs()
    store.move(enqueued, Status.CREATED, expected=Status.COMPLETED)
    store.enqueue(enqueued, "q")
    archived = runs()
    assert archived != enqueued
    store.edit(archived, Edit(add_system_tags=(ARCHIVED,)))
    published = runs()
    assert published not in (enqueued, archived)
    store.move(published, Status.PUBLISHED, expected=Status.COMPLETED)
    last = runs()
    assert last not in (enqueued, archived, published)
    store.dequeue(enqueued)
    assert store.get(enqueued).status is Status.CREATED


def test_once_it_was_enqueued_it_stays(runs: Runs, store: RedisStore) -> None:
    first = runs()
    store.move(first, Status.CREATED, expected=Status.COMPLETED)
    store.enqueue(first, "q")
    store.dequeue(first)
    store.move(first, Status.CLOSED, expected=Status.CREATED)
    assert runs() != first


def test_after_the_hours_that_are_set_it_is_a_new_task(repository: Desk, runs: Runs, url: str) -> None:
    first = runs()
    ran = repository.run(OPEN, "{}", "General/a", "c", ELSEWHERE_REDIS_URL=url, ELSEWHERE_REUSE_HOURS="0")
    assert ran.said[0] != first


def test_one_that_was_deleted_is_forgotten(runs: Runs, store: RedisStore) -> None:
    first = runs()
    store.delete(first)
    assert runs() != first
    assert runs.said == ""


def test_two_terminals_do_not_take_each_other_s(repository: Desk, url: str, store: RedisStore) -> None:
    path = repository.write(
        "from elsewhere import Task\nprint(Task.init('digits', 'svm').id, flush=True)\ninput()"
    )
    environment = repository.environment(PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url)
    processes = [
        subprocess.Popen(
            [sys.executable, path.name],
            cwd=repository.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ids = [started.stdout.readline().strip() for started in processes if started.stdout]
    for started in processes:
        started.communicate("\n", timeout=60)
    assert len(set(ids)) == 3
    assert {task.status for task in store.newest()} == {Status.COMPLETED}


def test_a_run_that_was_killed_is_taken_over(
    repository: Desk, url: str, store: RedisStore, runs: Runs
) -> None:
    text = """
        import os, signal
        from elsewhere import Task
        task = Task.init("digits", "svm")
        task._place.flush(60)
        print(task.id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    ran = repository.run(textwrap.dedent(text), ELSEWHERE_REDIS_URL=url)
    killed = ran.stdout.strip()
    assert store.get(killed).status is Status.IN_PROGRESS
    assert runs() == killed
    assert (store.get(killed).status, store.get(killed).attempt) == (Status.COMPLETED, 2)


def test_an_id_is_begun_anew_wherever_it_stood(runs: Runs, store: RedisStore) -> None:
    first = runs()
    second = runs(reuse_last_task_id=False)
    assert runs(reuse_last_task_id=first[:12]) == first
    assert store.get(second).attempt == 1
    nobody = "0" * 32
    assert runs(reuse_last_task_id=nobody) not in (first, second, nobody)
    assert f"task {nobody} cannot be reused" in runs.said


def test_a_task_goes_on_with_all_that_it_has(runs: Runs, store: RedisStore) -> None:
    first = runs("General/a", "old", tags=["old"])
    store.add_scalars(first, [Scalars("loss", "train", Points.of([(41, 0.5, 1.0)]))])
    task_id, offset, parameters = runs.all("General/b", "new", tags=["new"], continue_last_task=True)
    assert (task_id, offset, parameters) == (first, 42, ["General/a", "General/b"])
    (task,) = store.newest()
    assert (task.attempt, task.tags, task.status) == (2, ("old", "new"), Status.COMPLETED)
    assert task.parameters == {"General/a": 1, "General/b": 1}
    assert list(store.configurations(first)) == ["new", "old"]
    assert store.series(first)[0].count == 1


def test_a_task_goes_on_by_its_id_or_from_an_iteration(runs: Runs, store: RedisStore) -> None:
    first, second = runs(), runs(reuse_last_task_id=False)
    assert runs.all(continue_last_task=first)[:2] == (first, 0)
    assert runs.all(continue_last_task=7)[:2] == (first, 7)
    assert store.get(second).attempt == 1
    assert runs(continue_last_task="f" * 32) not in (first, second)
    assert "cannot be continued" in runs.said


@pytest.mark.parametrize("asked", ["''", "-1", "1.5"])
def test_a_task_to_continue_that_makes_no_sense_is_an_error(repository: Desk, asked: str) -> None:
    text = f"from elsewhere import Task\nTask.init('digits', 'svm', continue_last_task={asked})"
    ran = repository.run(text)
    assert ran.code == 1
    assert "UsageError" in ran.stderr


class TestTheFile:
    """Of the last runs."""

    def test_it_is_shared_by_many_at_once(self, tmp_path: Path) -> None:
        def note(number: int) -> None:
            for turn in range(20):
                with recent.opened(tmp_path) as runs:
                    runs.note(f"{number}-{turn}", f"{number:02}{turn:02}")

        threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with recent.opened(tmp_path) as runs:
            assert all(runs.last(f"{number}-{turn}") for number in range(4) for turn in range(20))
            found = runs.last("3-19")
            assert found is not None
            assert runs.by_id(found.id) == found

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"id": "x"}}'])
    def test_one_that_makes_no_sense_is_begun_anew(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "recent.json").write_text(text)
        with recent.opened(tmp_path) as runs:
            assert runs.last("a") is None
            runs.note("a", "1")
        with recent.opened(tmp_path) as runs:
            assert runs.last("a") is not None

    def test_the_oldest_are_forgotten(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recent, "MOST", 2)
        with recent.opened(tmp_path) as runs:
            for name in "abc":
                runs.note(name, name)
        with recent.opened(tmp_path) as runs:
            assert [runs.last(name) is not None for name in "abc"] == [False, True, True]


def test_a_process_is_known_by_its_start_too() -> None:
    assert process.lives(process.mark())
    assert not process.lives(f"{os.getpid()}-1")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process.mark(child.pid)
    assert process.lives(mark)
    child.communicate(b"\n")
    assert not process.lives(mark)
    assert not process.lives("nonsense")


def test_a_server_s_password_is_not_kept_on_disk() -> None:
    url = "redis://:hunter2@host:6379"
    assert "hunter2" not in recent.key(url, "digits", "svm", "training")
    assert recent.key(url, "digits", "svm", "training") != recent.key(
        "redis://host", "digits", "svm", "training"
    )
