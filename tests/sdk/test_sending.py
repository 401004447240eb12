"""``execute_remotely``: which task is sent, by which process, and what is refused. Followed runs: tests/flow."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere.contract.status import Status
from elsewhere.store.redis import RedisStore
from tests.conftest import start_server, valkey_binary
from tests.parameters.desk import CHECKOUT, Desk

INIT = "from elsewhere import Task\ntask = Task.init('digits', 'svm', reuse_last_task_id=False)\n"


@pytest.fixture
def url(valkey_url: str, elsewhere_home: Path) -> str:
    return valkey_url


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    store = RedisStore(url)
    yield store
    store.close()


@pytest.mark.parametrize("flushed", ["", "task.flush() if hasattr(task, 'flush') else task._place.flush()\n"])
def test_the_task_that_is_queued_is_the_one_of_the_run(
    flushed: str, repository: Desk, url: str, store: RedisStore
) -> None:
    text = f"{INIT}print(task.id)\n{flushed}task.execute_remotely('night')"
    ran = repository.run(text, ELSEWHERE_REDIS_URL=url)
    assert ran.code == 0, ran.stderr
    (task,) = store.newest()
    assert ran.stdout.splitlines()[0] == task.id
    assert (task.status, task.queue) == (Status.QUEUED, "night")


def test_a_copy_is_returned_and_has_the_run_as_its_parent(
    repository: Desk, url: str, store: RedisStore
) -> None:
    text = f"{INIT}copy = task.execute_remotely('night', clone=True, exit_process=False)\nprint(task.id, copy.id)"
    ran = repository.run(text, ELSEWHERE_REDIS_URL=url)
    assert ran.code == 0, ran.stderr
    own, copy = ran.stdout.splitlines()[-1].split()
    assert (store.get(own).status, store.get(copy).status) == (Status.COMPLETED, Status.QUEUED)
    assert store.get(copy).parent == own


def test_without_a_queue_it_is_a_draft_and_says_so(repository: Desk, url: str, store: RedisStore) -> None:
    ran = repository.run(f"{INIT}task.execute_remotely(None)\nprint('on')", ELSEWHERE_REDIS_URL=url)
    (task,) = store.newest()
    assert (ran.code, task.status) == (0, Status.CREATED)
    assert f"task {task.id} is a draft" in ran.stdout
    assert "on" not in ran.stdout.splitlines()
    assert task.spec.source.commit is not None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("task.execute_remotely(exit_process=False)", "clone=True"),
        ("task.execute_remotely(exit_process=False, wait=True)", "clone=True"),
        ("task.execute_remotely(None, wait=True)", "Name a queue"),
        ("task.execute_remotely(None, follow=True)", "Name a queue"),
        ("Task.clone(task).execute_remotely()", "Task.enqueue"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: str, said: str, repository: Desk, url: str, store: RedisStore
) -> None:
    ran = repository.run(f"{INIT}task._place.flush()\n{call}", ELSEWHERE_REDIS_URL=url)
    assert ran.code == 1
    assert "UsageError" in ran.stderr
    assert said in ran.stderr
    assert {task.status for task in store.newest()} <= {Status.FAILED, Status.CREATED}


@pytest.mark.parametrize("queue", ["'my queue'", "''", "5"])
def test_a_queue_that_can_have_no_such_name_leaves_the_run_a_run(
    queue: str, repository: Desk, url: str, store: RedisStore
) -> None:
    call = f"task.execute_remotely({queue})"
    ran = repository.run(f"{INIT}task._place.flush()\n{call}", ELSEWHERE_REDIS_URL=url)
    assert (ran.code, "is no name for a queue" in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)
    (task,) = store.newest()
    assert task.status is Status.FAILED


def test_one_rank_of_a_launcher_sends_and_all_end(repository: Desk, url: str, store: RedisStore) -> None:
    text = f"import os\n{INIT}print('here', flush=True)\ntask.execute_remotely()\nprint('on')"
    repository.write(text)
    ranks = [
        subprocess.Popen(
            [repository.python, "train.py"],
            cwd=repository.folder,
            env=repository.environment(
                PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url, RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2"
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    said = [rank.communicate(timeout=90) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    assert [task.status for task in store.newest()] == [Status.QUEUED]
    assert said[1][0] == "here\n"
    assert "is queued" in said[0][0]


def test_a_server_that_goes_while_a_run_is_followed_is_named(repository: Desk, elsewhere_home: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    server = start_server("own", valkey_binary(), folder)
    url = f"unix://{server.socket}"
    repository.write(f"{INIT}task.execute_remotely(follow=True)")
    with subprocess.Popen(
        [repository.python, "train.py"],
        cwd=repository.folder,
        env=repository.environment(PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as desk:
        try:
            assert desk.stdout is not None
            for line in desk.stdout:
                if "no agent serves" in line:
                    break
        finally:
            server.process.kill()
            server.process.wait(10)
        _, problems = desk.communicate(timeout=90)
    shutil.rmtree(folder)
    assert desk.returncode == 3
    assert "the run is queued, and goes on without this process" in problems
    assert "agent logs -f" in problems
    assert "Traceback" not in problems
