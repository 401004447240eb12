"""A run is sent from a notebook or a prompt: the cells that have run are its script, and the prompt lives on."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord
from elsewhere.store.redis import RedisStore
from tests.kernel import Kernel
from tests.parameters.desk import CHECKOUT, Desk

INIT = "from elsewhere import Task\ntask = Task.init('digits', 'svm', reuse_last_task_id=False)"
SEND = "task.execute_remotely()"

OpenKernel = Callable[..., Kernel]


@pytest.fixture
def url(valkey_url: str, elsewhere_home: Path) -> str:
    return valkey_url


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    store = RedisStore(url)
    yield store
    store.close()


@pytest.fixture
def notebook(repository: Desk, url: str, elsewhere_home: Path) -> Iterator[OpenKernel]:
    kernels = []

    def start(**more: str) -> Kernel:
        environment = repository.environment(
            PYTHONPATH=str(CHECKOUT), ELSEWHERE_REDIS_URL=url, ELSEWHERE_HOME=str(elsewhere_home), **more
        )
        kernel = Kernel(repository.folder, environment)
        kernels.append(kernel)
        return kernel

    yield start
    for kernel in kernels:
        kernel.__exit__(None, None, None)


def the_task(store: RedisStore) -> TaskRecord:
    (task,) = store.newest()
    return task


def script_of(store: RedisStore, task: TaskRecord) -> str:
    assert task.spec.source.untracked is not None
    with tarfile.open(fileobj=io.BytesIO(store.get_blob(task.spec.source.untracked))) as archive:
        member = archive.extractfile(task.spec.entry.script)
        assert member is not None
        return member.read().decode()


class TestNotebook:
    """A kernel."""

    def test_the_cells_that_have_run_are_queued_and_the_kernel_lives_on(
        self, notebook: OpenKernel, store: RedisStore, repository: Desk
    ) -> None:
        kernel = notebook(JPY_SESSION_NAME=str(repository.folder / "train.ipynb"))
        kernel.run("import json\nx = 1")
        kernel.run(INIT)
        sent = kernel.run(f"print('here')\n{SEND}\nprint('elsewhere')")
        task = the_task(store)
        assert (task.status, task.queue) == (Status.QUEUED, "default")
        assert task.spec.entry.script == "train.ipynb.py"
        assert task.spec.entry.arguments == ()
        assert task.spec.source.commit is not None
        assert script_of(store, task).splitlines()[1:] == [
            "", "# [1]", "import json", "x = 1",
            "", "# [2]", *INIT.splitlines(),
            "", "# [3]", "print('here')", SEND, "print('elsewhere')",
        ]  # fmt: skip
        assert not (repository.folder / "train.ipynb.py").exists()
        # The cell ends at the call, with a word, and without a wall of traceback.
        assert sent.stdout.startswith("here\n")
        assert f"task {task.id} is queued" in sent.stdout
        assert "agent submit train.ipynb" in sent.stdout
        assert "elsewhere\n" not in sent.stdout.splitlines()
        assert sent.traceback == ["elsewhere: this cell ends here; what follows in it is done elsewhere"]
        assert kernel.run("print(x)").stdout == "1\n"

    def test_a_cell_counts_as_it_last_ran_where_it_first_ran(
        self, notebook: OpenKernel, store: RedisStore
    ) -> None:
        kernel = notebook()
        kernel.run("x = 0", "before")
        kernel.run(INIT, "init")
        kernel.run("y = 1", "a")
        kernel.run("z = y", "b")
        kernel.run("1 / 0", "c")
        kernel.run("y = 2", "a")
        kernel.run("y = nonsense", "b")
        kernel.run("x = 0", "before")
        kernel.run(SEND, "send")
        lines = [line for line in script_of(store, the_task(store)).splitlines() if " = " in line]
        assert [line for line in lines if "Task" not in line] == ["x = 0", "y = 2", "z = y"]

    def test_the_cell_that_sends_is_the_last_however_often_it_ran(
        self, notebook: OpenKernel, store: RedisStore
    ) -> None:
        kernel = notebook()
        kernel.run(INIT, "init")
        kernel.run("task.execute_remotely(None, clone=True)", "send")
        kernel.run("x = 1", "x")
        kernel.run("task.execute_remotely(None, clone=True)", "send")
        script = script_of(store, store.newest()[0])
        assert script.count("execute_remotely") == 1
        assert script.index("x = 1") < script.index("execute_remotely")
        assert len(store.newest()) == 3  # the run itself, and two copies

    def test_one_that_nobody_named_is_untitled(self, notebook: OpenKernel, store: RedisStore) -> None:
        kernel = notebook()
        kernel.run("from elsewhere import Task; task = Task.init(reuse_last_task_id=False)")
        kernel.run(SEND)
        task = the_task(store)
        assert (task.project, task.name) == ("digits", "untitled")
        assert task.spec.entry.script == "untitled.ipynb.py"

    def test_what_fails_is_said_and_the_kernel_lives_on(
        self, notebook: OpenKernel, store: RedisStore, repository: Desk
    ) -> None:
        (repository.folder / "data.bin").write_bytes(bytes(5000))
        kernel = notebook(ELSEWHERE_UNTRACKED_LIMIT="1000")
        kernel.run(INIT)
        sent = kernel.run(SEND)
        assert sent.error == "Halted"
        assert sent.traceback[0].startswith("elsewhere: error: ")
        assert "data.bin" in sent.traceback[0]
        assert [task.status for task in store.newest() if task.status is Status.QUEUED] == []
        assert kernel.run("print('alive')").stdout == "alive\n"

    def test_ctrl_c_while_following_leaves_the_run_alone(
        self, notebook: OpenKernel, store: RedisStore
    ) -> None:
        kernel = notebook()
        kernel.run(INIT)
        request = kernel.begin("task.execute_remotely(follow=True)")
        kernel.until(request, "is queued")
        said = kernel.interrupt(request)
        task = the_task(store)
        assert said.error == "KeyboardInterrupt", said
        assert f"agent stop {task.id[:8]}" in said.stdout
        assert task.status is Status.QUEUED
        assert kernel.run("print('alive')").stdout == "alive\n"


def at_prompt(command: list[str], lines: str, desk: Desk, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=lines,
        cwd=desk.folder,
        env=desk.environment(PYTHONPATH=str(CHECKOUT), TERM="dumb", **more),
        capture_output=True,
        text=True,
        timeout=90,
    )


def newer_python() -> str | None:
    """One whose own prompt remembers what was typed."""
    installed = sorted((Path.home() / ".pyenv" / "versions").glob("3.1[3-9].*/bin/python"))
    for name in (sys.executable, *map(str, installed), "python3.14", "python3.13"):
        check = "import sys; sys.exit(sys.version_info < (3, 13))"
        if shutil.which(name) and subprocess.run([name, "-c", check], capture_output=True).returncode == 0:
            return name
    return None


class TestPrompt:
    """IPython's prompt, and Python's own."""

    def test_what_was_typed_at_ipython_is_sent(
        self, repository: Desk, url: str, store: RedisStore, elsewhere_home: Path
    ) -> None:
        lines = f"x = 1\nx += 1\nx += 1\n1 / 0\n{INIT}\n{SEND}\nprint('alive with', x)\n"
        ran = at_prompt(
            [repository.python, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            lines,
            repository,
            ELSEWHERE_REDIS_URL=url,
            ELSEWHERE_HOME=str(elsewhere_home),
            IPYTHONDIR=str(elsewhere_home / "ipython"),
        )
        assert "alive with 3" in ran.stdout
        task = the_task(store)
        assert task.status is Status.QUEUED
        script = script_of(store, task)
        assert [line for line in script.splitlines() if line and line[0] != "#"] == [
            "x = 1", "x += 1", "x += 1", *INIT.splitlines(), SEND,
        ]  # fmt: skip

    @pytest.mark.skipif(sys.version_info >= (3, 13), reason="since Python 3.13 its prompt remembers")
    def test_a_prompt_that_does_not_remember_says_what_to_do(
        self, repository: Desk, url: str, store: RedisStore, elsewhere_home: Path
    ) -> None:
        ran = at_prompt(
            [repository.python, "-i", "-q"],
            f"{INIT}\n{SEND}\nprint('alive')\n",
            repository,
            ELSEWHERE_REDIS_URL=url,
            ELSEWHERE_HOME=str(elsewhere_home),
        )
        assert "alive" in ran.stdout
        assert "pip install ipython" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert [task for task in store.newest() if task.status is Status.QUEUED] == []

    def test_lines_of_python_s_own_prompt_are_found_in_order(self, tmp_path: Path) -> None:
        interpreter = newer_python()
        if interpreter is None:
            pytest.skip("no Python here whose own prompt remembers what was typed (3.13 or later)")
        import pexpect

        environment = {"PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "PATH": os.environ["PATH"]}
        prompt = pexpect.spawn(interpreter, ["-q"], env=environment, cwd=str(tmp_path), timeout=60)
        prompt.expect_exact(">>> ")
        lines = (
            "x = 1",
            "from elsewhere.desk.prompt import find_prompt, halt",
            "found = find_prompt().cells()",
            "import pathlib; _ = pathlib.Path('typed').write_text(repr([cell.text for cell in found]))",
            "halt('HALTED' + ' here')",
        )
        for line in lines:
            prompt.sendline(line)
        prompt.expect_exact("HALTED here")
        prompt.sendline("print('ali' + 've')")
        prompt.expect_exact("alive")
        assert b"Traceback" not in prompt.before
        prompt.close(force=True)
        assert (tmp_path / "typed").read_text() == repr([f"{line}\n" for line in lines[:3]])


def test_a_prompt_that_has_ended_is_said_to_have_ended() -> None:
    from types import SimpleNamespace

    from elsewhere.contract.errors import CaptureError
    from elsewhere.desk.prompt import Notebook

    with pytest.raises(CaptureError, match="the prompt ended before"):
        Notebook(SimpleNamespace(history_manager=None)).cells()  # as IPython leaves it at its exit
