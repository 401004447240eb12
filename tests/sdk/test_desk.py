"""``Task`` at a desk: fast until it sends itself elsewhere, and gone at that very line."""

from __future__ import annotations

import subprocess
import textwrap
import time
from pathlib import Path

import pytest

from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.settings import find_folders
from elsewhere.store.embedded import stop_server
from elsewhere.store.redis import RedisStore
from tests.cli.swallow import swallowing
from tests.parameters.desk import CHECKOUT, Desk, Ran

TRAIN = """
import argparse
from elsewhere import Task
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
task = Task.init(project_name="digits", task_name="svm")
print("at the desk")
BEFORE
args = parser.parse_args()
AFTER
print("trained", args.C)
"""
SEND = 'task.execute_remotely(queue_name="default")'


def script(before: str = "", after: str = "") -> str:
    return TRAIN.replace("BEFORE", before).replace("AFTER", after)


def newest(url: str) -> list[TaskRecord]:
    store = RedisStore(url)
    try:
        return store.newest()
    finally:
        store.close()


@pytest.fixture
def url(valkey_url: str, elsewhere_home: Path) -> str:
    return valkey_url


class TestSending:
    """``execute_remotely``."""

    def test_a_run_is_captured_queued_and_ended_at_that_line(self, repository: Desk, url: str) -> None:
        ran = repository.run(script(after=SEND), "--C", "0.5", ELSEWHERE_REDIS_URL=url)
        (task,) = newest(url)
        assert (ran.code, ran.stderr) == (0, "")
        assert "trained" not in ran.stdout
        lines = ran.stdout.splitlines()
        assert lines[0] == "at the desk"
        assert f"elsewhere: task {task.id} is queued on 'default'" in lines
        assert f"elsewhere: follow it with 'agent logs -f {task.id[:8]}'" in lines
        assert lines[-1] == (
            "elsewhere: no agent serves queue 'default' yet: start one with 'agent daemon --queue default'"
        )
        assert (task.project, task.name, task.status, task.queue) == (
            "digits",
            "svm",
            Status.QUEUED,
            "default",
        )
        assert task.parameters == {"Args/C": 0.5}
        assert task.overrides == ()
        assert (task.spec.entry.script, task.spec.entry.kind) == ("train.py", "script")
        assert task.spec.entry.arguments == ("--C", "0.5")
        assert task.spec.source.commit is not None
        store = RedisStore(url)
        assert task.spec.source.untracked is not None
        assert b"train.py" in store.get_blob(task.spec.source.untracked)
        store.close()

    def test_before_the_parse_the_command_line_travels_alone(self, repository: Desk, url: str) -> None:
        assert repository.run(script(before=SEND), "--C", "0.5", ELSEWHERE_REDIS_URL=url).code == 0
        (task,) = newest(url)
        assert task.parameters == {}
        assert task.spec.entry.arguments == ("--C", "0.5")

    def test_exit_handlers_run_and_a_broad_except_does_not_hold_it(self, repository: Desk, url: str) -> None:
        before = (
            "import atexit; atexit.register(print, 'handler ran')\n"
            f"try:\n    {SEND}\nexcept Exception:\n    print('swallowed')"
        )
        ran = repository.run(script(before), ELSEWHERE_REDIS_URL=url)
        assert ran.code == 0
        assert "swallowed" not in ran.stdout
        assert ran.stdout.endswith("handler ran\n")

    def test_from_another_thread_the_whole_process_ends(self, repository: Desk, url: str) -> None:
        before = (
            "import atexit, threading, time; atexit.register(print, 'handler ran')\n"
            f"threading.Thread(target=lambda: {SEND}).start()\ntime.sleep(120)"
        )
        ran = repository.run(script(before), ELSEWHERE_REDIS_URL=url)
        assert (ran.code, len(newest(url))) == (0, 1)
        assert ran.stdout.endswith("handler ran\n")

    def test_a_copy_may_be_sent_while_this_run_goes_on(self, repository: Desk, url: str) -> None:
        before = "assert task.execute_remotely('night', clone=True, exit_process=False).parent == task.id"
        ran = repository.run(script(before), ELSEWHERE_REDIS_URL=url)
        assert (ran.code, ran.stdout.splitlines()[-1]) == (0, "trained 1.0")
        copy, run = sorted(newest(url), key=lambda task: task.queue or "zzz")
        assert (copy.queue, copy.parent, copy.name, copy.status) == ("night", run.id, "svm", Status.QUEUED)
        assert (run.queue, run.status) == (None, Status.COMPLETED)

    def test_each_copy_is_a_task_of_its_own(self, repository: Desk, url: str) -> None:
        send = "task.execute_remotely('{}', clone=True, exit_process=False)"
        before = "\n".join(send.format(queue) for queue in ("day", "night", "night"))
        assert repository.run(script(before), ELSEWHERE_REDIS_URL=url).code == 0
        assert sorted(task.queue or "" for task in newest(url)) == ["", "day", "night", "night"]

    @pytest.mark.parametrize("step", [b"svm", b"default"], ids=["create", "enqueue"])
    def test_an_answer_that_is_lost_is_asked_for_again(self, repository: Desk, url: str, step: bytes) -> None:
        with swallowing(url) as proxy:
            proxy.swallow(step)
            ran = repository.run(script(SEND), ELSEWHERE_REDIS_URL=proxy.url)
        assert (ran.code, ran.stderr, proxy.swallowed) == (0, "", 1)
        (task,) = newest(url)
        assert task.status is Status.QUEUED
        assert f"task {task.id} is queued" in ran.stdout

    def test_a_spawned_worker_does_not_send_the_run_again(self, repository: Desk, url: str) -> None:
        text = textwrap.dedent("""
            import multiprocessing
            from elsewhere import Task
            Task.init("digits", "svm").execute_remotely(clone=True, exit_process=False)
            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    print(pool.map(abs, [-1, -2]))
            """)
        ran = repository.run(text, ELSEWHERE_REDIS_URL=url)
        assert (ran.code, ran.stdout.splitlines()[-1]) == (0, "[1, 2]")
        assert sorted(task.status.value for task in newest(url)) == ["completed", "queued"]

    def test_one_task_does_not_run_in_two_places(self, repository: Desk) -> None:
        ran = repository.run(script("task.execute_remotely(exit_process=False)"))
        assert ran.code == 1
        assert "UsageError" in ran.stderr
        assert "clone=True" in ran.stderr

    def test_a_module_is_sent_as_a_module(self, repository: Desk, url: str) -> None:
        package = repository.folder / "pkg"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "mod.py").write_text(f"from elsewhere import Task\ntask = Task.init('digits')\n{SEND}\n")
        ran = start(repository, "-m", "pkg.mod", "--a", ELSEWHERE_REDIS_URL=url)
        assert ran.code == 0, ran.stderr
        (task,) = newest(url)
        assert (task.spec.entry.script, task.spec.entry.kind) == ("pkg.mod", "module")
        assert (task.name, task.spec.entry.arguments) == ("mod", ("--a",))

    def test_names_come_from_the_repository_and_the_script(self, repository: Desk, url: str) -> None:
        text = "from elsewhere import Task\nTask.init().execute_remotely()"
        assert repository.run(text, ELSEWHERE_REDIS_URL=url).code == 0
        assert [(task.project, task.name) for task in newest(url)] == [("digits", "train")]

    def test_what_the_script_changes_of_its_start_does_not_matter(self, repository: Desk, url: str) -> None:
        before = f"import os, sys; os.chdir('/'); del sys.argv[1:]\n{SEND}"
        ran = repository.run(script(before), "--C", "2", ELSEWHERE_REDIS_URL=url)
        assert ran.code == 0, ran.stderr
        (task,) = newest(url)
        assert (task.spec.entry.arguments, task.spec.entry.working_directory) == (("--C", "2"), ".")


class TestFailing:
    """What goes wrong is said in two lines, and nothing is enqueued."""

    def test_no_server_is_said_within_three_seconds_without_its_password(self, repository: Desk) -> None:
        begin = time.monotonic()
        ran = repository.run(script(SEND), ELSEWHERE_REDIS_URL="redis://ada:s3cret@127.0.0.1:1/0")
        assert time.monotonic() - begin < 20  # the promise is 3 s on a machine with nothing else to do
        assert ran.code == 3
        assert "127.0.0.1:1" in ran.stderr
        assert "redis-server" in ran.stderr
        assert "s3cret" not in ran.stderr + ran.stdout
        assert "Traceback" not in ran.stderr
        assert "trained" not in ran.stdout

    def test_a_prompt_s_lines_cannot_be_captured(self, repository: Desk, url: str) -> None:
        text = f"from elsewhere import Task; task = Task.init('digits', 'svm'); {SEND}"
        ran = start(repository, "-c", text, ELSEWHERE_REDIS_URL=url)
        assert ran.code == 8
        assert "Put the code into a script" in ran.stderr
        assert [task.status for task in newest(url)] == [Status.FAILED]

    def test_untracked_files_over_the_limit_keep_it_here(self, repository: Desk, url: str) -> None:
        (repository.folder / "data.bin").write_bytes(bytes(5000))
        ran = repository.run(script(SEND), ELSEWHERE_REDIS_URL=url, ELSEWHERE_UNTRACKED_LIMIT="1000")
        assert ran.code == 8
        assert "data.bin" in ran.stderr
        (task,) = newest(url)
        assert (task.status, task.exit_code, task.queue) == (Status.FAILED, 8, None)

    def test_a_setting_that_cannot_be_understood_is_named(self, repository: Desk, url: str) -> None:
        ran = repository.run(script(SEND), ELSEWHERE_REDIS_URL=url, ELSEWHERE_UNTRACKED_LIMIT="lots")
        assert ran.code == 2
        assert "ELSEWHERE_UNTRACKED_LIMIT" in ran.stderr


class TestHere:
    """A run that stays at its desk."""

    def test_it_waits_for_no_server(self, repository: Desk) -> None:
        text = textwrap.dedent("""
            import json
            from elsewhere import Task
            task = Task.init()
            print(json.dumps([len(task.id), task.project, task.name, task.status, task.get_parameters()]))
            """)
        ran = repository.run(text, ELSEWHERE_REDIS_URL="redis://127.0.0.1:1/0")
        assert ran.said == [32, "digits", "train", "in_progress", {}]

    def test_init_again_gives_the_current_task(self, desk: Desk) -> None:
        text = textwrap.dedent("""
            import json
            from elsewhere import Task
            none = Task.current_task()
            task = Task.init("digits", "svm", tags=["a"])
            same = [Task.init("digits", "svm") is task, Task.init() is task, Task.current_task() is task]
            task.close()
            print(json.dumps([none, same, task.status, task.tags, Task.init("digits", "other").name]))
            """)
        assert desk.run(text).said == [None, [True, True, True], "completed", ["a"], "other"]

    @pytest.mark.parametrize("names", ["'ab'", "'digits', ' a '", "''"])
    def test_names_that_say_nothing_are_refused(self, names: str, desk: Desk) -> None:
        ran = desk.run(f"from elsewhere import Task\nTask.init({names})")
        assert ran.code == 1
        assert "too short" in ran.stderr
        assert "at least 3 characters" in ran.stderr

    @pytest.mark.parametrize("asked", ["task_type=3", "tags=5", "tags=[3]"])
    def test_a_type_and_tags_that_are_no_texts_are_refused(self, asked: str, desk: Desk) -> None:
        ran = desk.run(f"from elsewhere import Task\nTask.init('digits', 'svm', {asked})")
        assert (ran.code, "UsageError" in ran.stderr) == (1, True)

    def test_one_text_is_one_tag_and_no_type_the_usual_one(self, desk: Desk) -> None:
        ran = desk.run(
            "from elsewhere import Task\ntask = Task.init('digits', 'svm', None, tags='blue')\n"
            "print(task.tags, task.task_type)"
        )
        assert ran.stdout == "('blue',) training\n", ran.stderr

    def test_outside_a_repository_the_folder_names_the_project(self, desk: Desk) -> None:
        ran = desk.run("from elsewhere import Task; import json; print(json.dumps(Task.init().project))")
        assert ran.said == desk.folder.name


def test_the_embedded_server_serves_where_nothing_is_configured(repository: Desk, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = repository.run(script(SEND), ELSEWHERE_HOME=str(home))
    try:
        assert ran.code == 0, ran.stderr
        assert "is queued on 'default'" in ran.stdout
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ELSEWHERE_HOME", str(home))
            folders = find_folders()
        assert stop_server(folders.server, folders.server_socket)


def test_the_public_name_is_one(desk: Desk) -> None:
    text = "import elsewhere, json; print(json.dumps([sorted(elsewhere.__all__), 'Task' in dir(elsewhere)]))"
    assert desk.run(text).said == [["Task", "__version__"], True]
    ran = desk.run("import elsewhere; elsewhere.Tsk")
    assert "has no attribute 'Tsk'" in ran.stderr


def start(desk: Desk, *command: str, **more: str) -> Ran:
    done = subprocess.run(
        [desk.python, *command],
        cwd=desk.folder,
        env=desk.environment(PYTHONPATH=str(CHECKOUT), **more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
