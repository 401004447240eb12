"""Runs end, by themselves or because somebody stops them, and the store says so."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere import Task
from elsewhere.contract.errors import UsageError
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, StopRequest, TaskRecord
from elsewhere.store.redis import RedisStore
from elsewhere.stored import Stored
from tests.conftest import Server, start_server, valkey_binary
from tests.flow.world import World, eventually
from tests.parameters.desk import CHECKOUT, Desk

INIT = "import os, signal, sys, time\nfrom elsewhere import Task\ntask = Task.init('digits', 'svm')\n"
READY = "assert task._place.flush(60)\nprint('ready', flush=True)\n"
WAIT = READY + "for _ in range(600):\n    time.sleep(0.1)\n"


class Run:
    """A script that runs at a desk."""

    def __init__(self, desk: Desk, url: str, script: str, *options: str, **more: str) -> None:
        path = desk.write(INIT + textwrap.dedent(script))
        home = str(desk.folder / "home")
        environment = desk.environment(
            PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url, ELSEWHERE_HOME=home, **more,
        )  # fmt: skip
        self.process = subprocess.Popen(
            [desk.python, *options, path.name], cwd=desk.folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def await_line(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == line + "\n"

    def end(self) -> tuple[int, str, str]:
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr


class TestAtADesk:
    """The exit hook, with nothing of it replaced."""

    @pytest.fixture
    def url(self, valkey_url: str, server: RedisStore) -> str:
        return valkey_url

    def newest(self, server: RedisStore) -> TaskRecord:
        (task,) = server.newest()
        return task

    @pytest.mark.parametrize(
        ("script", "code", "status", "message"),
        [
            ("", 0, "completed", ""),
            ("sys.exit(3)", 3, "failed", "the script exited with code 3"),
            ("sys.exit('no data')", 1, "failed", "the script exited with code 1\nno data"),
            ("1 / 0", 1, "failed", "ZeroDivisionError: division by zero"),
            ("os.kill(os.getpid(), signal.SIGINT)", -2, "stopped", "stopped by SIGINT"),
            ("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(600)", -15, "stopped", "stopped by SIGTERM"),
        ],
    )
    def test_the_store_says_how_it_ended(
        self, desk: Desk, url: str, server: RedisStore, script: str, code: int, status: str, message: str
    ) -> None:
        ended = Run(desk, url, script).end()
        task = self.newest(server)
        assert ended[0] == code
        assert task.status == status
        assert task.status_message.endswith(message)
        assert task.exit_code == (code if code >= 0 else None)
        assert task.progress == (100.0 if status == "completed" else None)
        if "1 / 0" in script:
            assert "Traceback (most recent call last):" in task.status_message

    def test_sigterm_calls_back_before_the_task_is_stopped(
        self, desk: Desk, url: str, server: RedisStore
    ) -> None:
        call = "task.register_abort_callback(lambda: print(task.get_status(), flush=True))\n"
        run = Run(desk, url, call + WAIT)
        run.await_line("ready")
        run.process.terminate()
        assert run.end()[:2] == (-signal.SIGTERM, "in_progress\n")
        assert self.newest(server).status is Status.STOPPED

    def test_a_stop_that_is_asked_for_calls_back_and_ends_the_process(
        self, desk: Desk, url: str, server: RedisStore
    ) -> None:
        call = "task.register_abort_callback(lambda: print(task.get_status(), flush=True), timeout=30)\n"
        run = Run(desk, url, call + WAIT)
        run.await_line("ready")
        server.request_stop(self.newest(server).id, StopRequest("ada"))
        assert run.end()[:2] == (-signal.SIGTERM, "in_progress\n")
        task = self.newest(server)
        assert (task.status, task.status_message) == (Status.STOPPED, "stopped by ada")

    def test_taken_back_nothing_is_called(self, desk: Desk, url: str, server: RedisStore) -> None:
        calls = "task.register_abort_callback(lambda: print('called', flush=True))\ntask.register_abort_callback(None)\n"
        run = Run(desk, url, calls + WAIT)
        run.await_line("ready")
        run.process.terminate()
        assert run.end()[:2] == (-signal.SIGTERM, "")

    def test_a_session_that_is_asked_to_stop_ends_its_task_and_goes_on(
        self, desk: Desk, url: str, server: RedisStore
    ) -> None:
        script = (
            "sys.ps1 = '>>> '\ntask.register_abort_callback(lambda: print('called', flush=True))\n"
            "try:\n" + textwrap.indent(WAIT, "    ") + "except KeyboardInterrupt:\n    print('goes on')\n"
        )
        run = Run(desk, url, script)
        run.await_line("ready")
        server.request_stop(self.newest(server).id, StopRequest("ada"))
        code, stdout, stderr = run.end()
        assert (code, stdout) == (0, "called\ngoes on\n")
        assert "ada has stopped task" in stderr
        assert self.newest(server).status is Status.STOPPED

    def test_where_the_task_does_not_run_nobody_can_be_called_back(self, server: RedisStore) -> None:
        task = Task(Stored(server, server.create(NewTask("digits", "svm", TaskSpec(Entry("train.py")))).id))
        with pytest.raises(UsageError, match="does not run in this process"):
            task.register_abort_callback(print)

    def test_what_makes_no_sense_is_refused(self, desk: Desk, url: str) -> None:
        script = (
            "import threading\nfrom elsewhere.contract.errors import UsageError\n"
            "def off(**more):\n    try:\n        task.register_abort_callback(print, **more)\n"
            "    except UsageError as error:\n        print(error.what)\n"
            "off(timeout=0)\noff(timeout='3')\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
            "t = threading.Thread(target=off)\nt.start()\nt.join()"
        )
        assert Run(desk, url, script).end()[1].splitlines() == [
            "an abort callback cannot return within 0 s",
            "an abort callback cannot return within '3' s",
            "an abort callback can only be registered in the main thread",
        ]

    def test_what_cannot_be_called_is_refused_at_once(self, desk: Desk, url: str) -> None:
        _, _, stderr = Run(desk, url, "task.register_abort_callback(5)").end()
        assert "an abort callback must be a function, not 5" in stderr

    def test_without_an_end_to_its_time_it_is_waited_for(
        self, desk: Desk, url: str, server: RedisStore
    ) -> None:
        call = "task.register_abort_callback(lambda: print('saved', flush=True), timeout=float('inf'))\n"
        run = Run(desk, url, call + WAIT)
        run.await_line("ready")
        run.process.terminate()
        assert run.end()[:2] == (-signal.SIGTERM, "saved\n")
        assert self.newest(server).status is Status.STOPPED

    def test_a_task_that_has_ended_is_not_called_back_any_more(self, desk: Desk, url: str) -> None:
        script = (
            "task.register_abort_callback(lambda: print('called', flush=True))\ntask.close()\n"
            "try:\n    task.register_abort_callback(print)\n"
            "except Exception as error:\n    print(error.what.partition(': ')[2], flush=True)\n"
        )
        run = Run(desk, url, script + WAIT)
        run.await_line("nobody stops it any more")
        run.await_line("ready")
        run.process.terminate()
        code, stdout, _ = run.end()
        assert (code, stdout) == (-signal.SIGTERM, "")


class TestWithoutAServer:
    """Whatever the server does, the process ends."""

    @pytest.fixture
    def lone(self) -> Iterator[Server]:
        with tempfile.TemporaryDirectory(prefix="ew-") as folder:
            server = start_server("lone", valkey_binary(), Path(folder))
            yield server
            server.process.send_signal(signal.SIGCONT)
            server.process.kill()
            server.process.wait(10)

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "stalled"])
    @pytest.mark.parametrize("how", ["returns", "SIGTERM"])
    def test_a_server_that_leaves_holds_no_end_up_and_it_is_said(
        self, desk: Desk, lone: Server, number: int, how: str
    ) -> None:
        script = READY + "sys.stdin.readline()\n" + ("time.sleep(600)" if how == "SIGTERM" else "sys.exit(3)")
        run = Run(desk, lone.fresh_url(), script, ELSEWHERE_EXIT_DEADLINE_SECONDS="0.5")
        run.await_line("ready")
        lone.process.send_signal(number)
        assert run.process.stdin is not None
        run.process.stdin.write("go on\n")
        run.process.stdin.flush()
        if how == "SIGTERM":
            run.process.terminate()
        code, _, stderr = run.end()
        assert code == (3 if how == "returns" else -signal.SIGTERM)
        assert "is not, or not wholly, in the store" in stderr
        assert "Traceback" not in stderr


ATTEMPT = """
import signal, time
from elsewhere import Task
task = Task.init()
SETS
task.register_abort_callback(lambda: print("called back", flush=True))
print("ready", flush=True)
for _ in range(600):
    time.sleep(0.1)
"""


class TestInAnAttempt:
    """The supervisor stops the script."""

    @pytest.fixture
    def world(self, valkey_url: str, tmp_path: Path) -> Iterator[World]:
        world = World(valkey_url, tmp_path / "home", tmp_path)
        yield world
        world.close()

    @pytest.mark.parametrize(
        "sets", ["", "signal.signal(signal.SIGTERM, lambda *_: print('own handler') or exit(0))"]
    )
    def test_a_stop_calls_back_within_the_grace(self, world: World, sets: str) -> None:
        root = world.repository(train__py=ATTEMPT.replace("SETS", sets))
        world.box()
        task = world.submit(root, "train.py", options=("--packages", "none"))
        eventually(lambda: "ready" in world.log(task), 60)
        world.agent("stop", task, "--grace", "60")
        assert world.wait_for(task, "stopped")["status"] == "stopped"
        lines = world.log(task).splitlines()
        assert lines.count("called back") == 1
        assert ("own handler" in lines) == bool(sets)
        assert lines.index("ready") < lines.index("called back")
