"""What every executor promises, checked on each of them: the real ones and the double."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine.fixtures import FIRST_TIME_SECONDS

import executors
from elsewhere.contract.errors import ConfigurationError, LaunchError
from elsewhere.contract.terms import Limits
from executors.contract import Container, Executor, Exit, Launch, Mount, Running
from executors.docker import DockerExecutor, Engine
from executors.dummy import DummyExecutor, Script
from executors.process import ProcessExecutor

DEADLINE = 30.0


@dataclass(frozen=True)
class Command:
    """One behaviour, told to each kind of executor in its own language."""

    python: str
    script: Script


PRINTS = Command("print('one', flush=True); print('two', flush=True)", Script((b"one\n", b"two\n")))
FAILS = Command("raise SystemExit(3)", Script(code=3))
IS_KILLED = Command("import os; os.kill(os.getpid(), 9)", Script(code=-9))
RUNS_ON = Command("print('up', flush=True); import time; time.sleep(600)", Script((b"up\n",), code=None))
IGNORES_INTERRUPT = Command(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True); time.sleep(600)",
    Script((b"up\n",), code=None, ignores_interrupt=True),
)
FLOODS = Command(
    "import os\nwhile True: os.write(1, b'x' * 65536)", Script((b"x" * 65536,) * 1000, code=None)
)

OUT_OF_MEMORY = Script(code=-9, oom_killed=True, notes=("the CPU limit of 1 is not enforced: a script",))

Start = Callable[..., Running]


DOCKER = pytest.param("docker", marks=pytest.mark.timeout(FIRST_TIME_SECONDS))


@pytest.fixture(params=["process", "dummy", DOCKER])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    container: Container | None = None
    environment, python = dict(os.environ), sys.executable
    if request.param == "docker":
        engine = Engine(request.getfixturevalue("engine_url"))
        image = engine.find(request.getfixturevalue("base_image"), note=print)
        container = Container(image.id, ("--network", "none"), mounts=(Mount(tmp_path),))
        environment, python = {}, "python3"
    started: list[Running] = []

    def begin(command: Command, limits: Limits | None = None) -> Running:
        executor: Executor
        if container is not None:
            executor = DockerExecutor(engine)
        else:
            executor = ProcessExecutor() if request.param == "process" else DummyExecutor(command.script)
        assert executor.available() is None
        argv = (python, "-c", command.python)
        running = executor.start(Launch(argv, tmp_path, environment, limits or Limits(), container))
        started.append(running)
        return running

    yield begin
    for running in started:
        running.terminate(0)


def read_until(running: Running, mark: bytes | None = None) -> bytes:
    """The output up to ``mark``, or to its end."""
    seen = b""
    deadline = time.monotonic() + DEADLINE
    while mark is None or mark not in seen:
        assert select.select([running.output], [], [], max(0, deadline - time.monotonic()))[0], seen
        chunk = os.read(running.output, 65536)
        if not chunk:
            break
        seen += chunk
    return seen


def test_output_comes_in_the_order_written_and_ends(start: Start) -> None:
    running = start(PRINTS)
    assert read_until(running) == b"one\ntwo\n"
    assert running.wait(DEADLINE) == Exit(0)


def test_the_exit_code_is_the_commands_own(start: Start) -> None:
    assert start(FAILS).wait(DEADLINE) == Exit(3)


def test_a_signal_that_killed_it_is_a_negative_code(start: Start) -> None:
    assert start(IS_KILLED).wait(DEADLINE) == Exit(-9)


def test_waiting_gives_up_in_time_and_can_go_on(start: Start) -> None:
    running = start(RUNS_ON)
    assert running.wait(0) is None
    assert running.wait(0.05) is None
    running.terminate(DEADLINE)
    assert running.wait() == Exit(-15)


def test_an_interrupt_ends_a_polite_command(start: Start) -> None:
    running = start(RUNS_ON)
    read_until(running, b"up\n")
    running.interrupt()
    assert running.wait(DEADLINE) == Exit(-15)


def test_a_command_that_ignores_interrupts_is_killed_after_the_grace(start: Start) -> None:
    running = start(IGNORES_INTERRUPT)
    read_until(running, b"up\n")
    running.interrupt()
    assert running.wait(0.1) is None
    running.terminate(0.2)
    assert running.wait(0) == Exit(-9)
    assert read_until(running) == b""


def test_no_grace_kills_at_once(start: Start) -> None:
    running = start(RUNS_ON)
    read_until(running, b"up\n")
    running.terminate(0)
    assert running.wait(0) == Exit(-9)


def test_a_polite_command_does_not_use_up_the_grace(start: Start) -> None:
    running = start(RUNS_ON)
    read_until(running, b"up\n")
    before = time.monotonic()
    running.terminate(600)
    assert time.monotonic() - before < DEADLINE
    assert running.wait(0) == Exit(-15)


def test_a_command_that_nobody_reads_can_be_ended(start: Start) -> None:
    running = start(FLOODS)
    assert select.select([running.output], [], [], DEADLINE)[0]
    assert running.wait(0.05) is None
    running.terminate(DEADLINE)
    assert running.wait(0) == Exit(-15)
    assert read_until(running)


def test_everything_may_be_repeated_after_the_end(start: Start) -> None:
    running = start(FAILS)
    assert running.wait(DEADLINE) == Exit(3)
    for _ in range(2):
        running.interrupt()
        running.terminate(0)
        running.terminate(5)
        assert running.wait() == Exit(3)
        assert running.wait(0) == Exit(3)
        assert os.read(running.output, 10) == b""


def test_several_threads_learn_the_same_end(start: Start) -> None:
    running = start(RUNS_ON)
    read_until(running, b"up\n")
    endings: list[Exit | None] = []
    threads = [
        threading.Thread(target=lambda: endings.append(running.wait(DEADLINE)))
        for _ in range(4)
    ] + [threading.Thread(target=running.terminate, args=(DEADLINE,)) for _ in range(2)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert endings == [Exit(-15)] * 4


@pytest.mark.parametrize("grace", [0, 0.1])
def test_a_shorter_grace_cuts_a_longer_one_short(start: Start, grace: float) -> None:
    running = start(IGNORES_INTERRUPT)
    read_until(running, b"up\n")
    patient = threading.Thread(target=running.terminate, args=(600,))
    patient.start()
    assert running.wait(0.2) is None
    running.terminate(grace)
    patient.join(DEADLINE)
    assert not patient.is_alive()
    assert running.wait(0) == Exit(-9)


def test_a_longer_grace_does_not_prolong_a_shorter_one(start: Start) -> None:
    running = start(IGNORES_INTERRUPT)
    read_until(running, b"up\n")
    hasty = threading.Thread(target=running.terminate, args=(0.5,))
    hasty.start()
    assert running.wait(0.1) is None
    running.terminate(600)
    hasty.join(DEADLINE)
    assert running.wait(0) == Exit(-9)


def test_nothing_is_to_be_noted_of_a_launch_without_limits(start: Start) -> None:
    assert start(PRINTS).notes == ()


def test_limits_are_held_or_noted_and_the_command_runs_all_the_same(start: Start) -> None:
    running = start(PRINTS, Limits(memory_bytes=1024**3, cpus=1.5))
    assert all("is not enforced: " in note for note in running.notes)
    assert read_until(running) == b"one\ntwo\n"
    assert running.wait(DEADLINE) == Exit(0)


def test_an_end_that_was_asked_for_is_no_want_of_memory(start: Start) -> None:
    running = start(RUNS_ON)
    running.terminate(0)
    assert running.wait(0) == Exit(-9, oom_killed=False)


def test_the_double_tells_of_memory_and_notes_as_its_script_says(tmp_path: Path) -> None:
    running = DummyExecutor(OUT_OF_MEMORY).start(Launch(("train",), tmp_path))
    assert running.wait(DEADLINE) == Exit(-9, oom_killed=True)
    assert running.notes == OUT_OF_MEMORY.notes


@pytest.mark.parametrize(
    "executor", [ProcessExecutor(), DummyExecutor(Script(failure="it is missing"))], ids=["process", "dummy"]
)
def test_what_cannot_be_started_is_named(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"no-such-program.*missing"):
        executor.start(Launch(("/no-such-program",), tmp_path))


def test_every_file_is_an_executor_under_its_own_name() -> None:
    assert {"process", "dummy"} <= set(executors.names())
    assert "contract" not in executors.names()
    for name in executors.names():
        assert executors.named(name).name == name


def test_an_unknown_executor_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match=r"'nosuch'(.|\n)*dummy, process"):
        executors.named("nosuch")


def test_a_new_file_is_a_new_executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("class Planted:\n    name = 'planted'\n")
    monkeypatch.setattr(executors, "__path__", [*executors.__path__, str(tmp_path)])
    assert "planted" in executors.names()
    assert type(executors.named("planted")).__name__ == "Planted"
    sys.modules.pop("executors.planted")
