"""What the process executor promises beyond the contract: real trees of real processes."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from alone import alone

from elsewhere.contract.errors import LaunchError
from executors.contract import Exit, Launch
from executors.process import ProcessExecutor, ProcessRunning, end_tree, mark_of

DEADLINE = 30.0

DOUBLE_FORKED_DAEMON = """
    import os, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            os.write(1, b"pid %d\\n" % os.getpid())
            for descriptor in range(3):
                os.dup2(null, descriptor)
            time.sleep(600)
        os._exit(0)
    os.wait()
"""

Start = Callable[..., ProcessRunning]


def launch_of(code: str, folder: Path, attempt: str) -> Launch:
    marked = dict(os.environ, ELSEWHERE_TASK_ID="a" * 32, ELSEWHERE_ATTEMPT=attempt)
    return Launch((sys.executable, "-c", textwrap.dedent(code)), folder, marked)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ProcessRunning] = []

    def begin(code: str) -> ProcessRunning:
        attempt = f"{os.getpid()}.{len(started)}.{time.time_ns()}"
        running = ProcessExecutor().start(launch_of(code, tmp_path, attempt))
        started.append(running)
        return running

    yield begin
    for running in started:
        running.terminate(0)


def read_line(descriptor: int) -> str:
    line = b""
    while not line.endswith(b"\n"):
        assert select.select([descriptor], [], [], DEADLINE)[0], line
        byte = os.read(descriptor, 1)
        assert byte, line
        line += byte
    return line.decode().strip()


def read_pid(running: ProcessRunning) -> psutil.Process:
    word, pid = read_line(running.output).split()
    assert word == "pid"
    return psutil.Process(int(pid))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def await_end(process: psutil.Process) -> None:
    deadline = time.monotonic() + DEADLINE
    while runs(process):
        assert time.monotonic() < deadline, process
        time.sleep(0.02)


def test_a_child_that_called_setsid_ends_with_the_tree(start: Start) -> None:
    running = start("""
        import subprocess, time
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("pid", child.pid, flush=True)
        time.sleep(600)
    """)
    child = read_pid(running)
    running.terminate(DEADLINE)
    assert not runs(child)


def test_a_double_forked_daemon_ends_with_the_tree(start: Start) -> None:
    running = start(DOUBLE_FORKED_DAEMON + "\n    time.sleep(600)")
    daemon = read_pid(running)
    running.terminate(DEADLINE)
    assert not runs(daemon)
    assert not psutil.pid_exists(daemon.pid), "a zombie is left"


def test_a_daemon_that_the_command_left_behind_is_cleared_up(start: Start) -> None:
    running = start(DOUBLE_FORKED_DAEMON)
    daemon = read_pid(running)
    assert running.wait(DEADLINE) == Exit(0)
    assert runs(daemon)
    running.terminate(0)
    assert not psutil.pid_exists(daemon.pid)
    assert running.wait() == Exit(0)


def test_a_setsid_child_that_ignores_sigterm_is_killed_after_the_grace(start: Start) -> None:
    running = start("""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if (child := os.fork()) == 0:
            os.setsid()
        else:
            os.write(1, b"pid %d\\n" % child)
        time.sleep(600)
    """)
    child = read_pid(running)
    running.terminate(0.2)
    assert not runs(child)
    assert running.wait() == Exit(-9)


def test_a_stopped_process_is_asked_too(start: Start) -> None:
    running = start("""
        import os, signal, time
        os.write(1, b"pid %d\\n" % os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(600)
    """)
    read_pid(running)
    running.terminate(DEADLINE)
    assert running.wait() == Exit(-15)


@pytest.mark.parametrize("session", ["", "os.setsid()"], ids=["one group", "a session each"])
def test_processes_that_fork_themselves_anew_are_all_caught(start: Start, session: str) -> None:
    running = start(f"""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, b"up\\n")
        for _ in range(4):
            if os.fork() == 0:
                for generation in range(300):
                    if os.fork():
                        os._exit(0)
                    {session}
                    time.sleep(0.01)
                os.write(1, b"escaped\\n")
                os._exit(0)
        time.sleep(600)
    """)
    assert read_line(running.output) == "up"
    mark = running.mark
    running.terminate(0.1)
    left = [p for p in psutil.process_iter() if p.pid != os.getpid() and carried(p) == mark]
    assert left == []
    assert os.read(running.output, 100) == b""
    reap_orphans()


def reap_orphans() -> None:
    """Those that were dead before anybody saw them cannot be told from children of our own."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def carried(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error):
        return mark_of(process.environ())
    return None


def test_output_goes_on_after_the_command_ended(start: Start) -> None:
    running = start("""
        import subprocess, sys
        subprocess.Popen(["sh", "-c", "sleep 0.2; echo late"])
        print("early", flush=True)
    """)
    assert read_line(running.output) == "early"
    assert running.wait(DEADLINE) == Exit(0)
    rest = b""
    while chunk := os.read(running.output, 1000):
        rest += chunk
    assert b"late" in rest


def test_the_environment_is_exactly_the_one_given(tmp_path: Path) -> None:
    given = {"ONLY": "this", "EMPTY": ""}
    running = ProcessExecutor().start(Launch(("/usr/bin/env",), tmp_path, given))
    assert {read_line(running.output), read_line(running.output)} == {"ONLY=this", "EMPTY="}
    assert os.read(running.output, 100) == b""
    running.terminate(0)


def test_a_program_is_looked_up_in_the_path_that_was_given(tmp_path: Path) -> None:
    program = tmp_path / "only-here"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    running = ProcessExecutor().start(Launch(("only-here",), tmp_path, {"PATH": str(tmp_path)}))
    assert read_line(running.output) == "found"
    running.terminate(0)


def test_a_command_inherits_nothing_but_its_three_descriptors(start: Start) -> None:
    leak = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(leak, True)
    running = start("""
        import json, os, signal, sys
        print(json.dumps({
            "open": [fd for fd in range(256) if os.path.exists(f"/proc/self/fd/{fd}")],
            "stdin": sys.stdin.read(),
            "session": os.getsid(0) == os.getpid() == os.getpgrp(),
            "folder": os.getcwd(),
            "blocked": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        }), flush=True)
    """)
    told = json.loads(read_line(running.output))
    os.close(leak)
    folder = told.pop("folder")
    assert told == {"open": [0, 1, 2], "stdin": "", "session": True, "blocked": []}
    assert Path(folder).is_dir()


def test_ignored_and_blocked_signals_are_not_handed_down(start: Start) -> None:
    code = """
        import signal
        ignored = [s.name for s in (signal.SIGHUP, signal.SIGUSR1) if signal.getsignal(s) is signal.SIG_IGN]
        print(ignored, list(signal.pthread_sigmask(signal.SIG_BLOCK, [])), flush=True)
    """
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        running = start(code)
        assert read_line(running.output) == "[] []"
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
        assert signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGUSR1, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def test_two_launches_side_by_side_do_not_touch_each_other(start: Start) -> None:
    code = DOUBLE_FORKED_DAEMON + "\n    time.sleep(600)"
    one, other = start(code), start(code)
    daemon_of_one, daemon_of_other = read_pid(one), read_pid(other)
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        one.terminate(DEADLINE)
        assert not runs(daemon_of_one)
        assert runs(daemon_of_other)
        assert other.wait(0) is None
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_many_launches_leave_no_descriptor_and_no_zombie(tmp_path: Path) -> None:
    def launch_many() -> None:
        executor = ProcessExecutor()
        launch = Launch(("/bin/true",), tmp_path)
        gc.collect()
        before = open_descriptors(), len(psutil.Process().children())
        for number in range(100):
            running = executor.start(launch)
            assert running.wait(DEADLINE) == Exit(0)
            if number % 2:  # one that nobody terminates is cleared up when it is let go
                running.terminate(0)
        del running
        gc.collect()
        assert (open_descriptors(), len(psutil.Process().children())) <= before

    alone(launch_many)


def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def launch_in_vain() -> None:
        before = open_descriptors(), len(psutil.Process().children())
        for _ in range(3):
            with pytest.raises(LaunchError):
                ProcessExecutor().start(Launch(("/no-such-program",), tmp_path))
        assert (open_descriptors(), len(psutil.Process().children())) == before

    alone(launch_in_vain)


def planted(folder: Path, content: str, mode: int) -> str:
    path = folder / "program"
    path.write_text(content)
    path.chmod(mode)
    return str(path)


def test_each_reason_not_to_start_is_told_apart(tmp_path: Path) -> None:
    def refusal(*argv: str, folder: Path = tmp_path) -> str:
        with pytest.raises(LaunchError) as caught:
            ProcessExecutor().start(Launch(argv, folder))
        return caught.value.what

    assert "program no-such-program is missing" in refusal("no-such-program")
    assert f"working directory {tmp_path}/gone cannot be entered" in refusal("true", folder=tmp_path / "gone")
    assert "may not be executed" in refusal(planted(tmp_path, "#!/bin/sh\n", 0o644))
    assert "first line is missing" in refusal(planted(tmp_path, "#!/no/such/interpreter\n", 0o755))
    assert os.strerror(errno.ENOEXEC) in refusal(planted(tmp_path, "\x01\x02", 0o755))
    assert "argument list is empty" in refusal()
    assert "null byte" in refusal("true", "a\0b")
    assert os.strerror(errno.E2BIG) in refusal("true", "x" * 3_000_000)


SUPERVISOR = """
    import os, sys, time
    from pathlib import Path
    from executors.contract import Launch
    from executors.process import ProcessExecutor
    if {without_shell}:
        import executors.process.deadman as deadman
        deadman._SHELL = "/no/such/shell"
    running = ProcessExecutor().start(Launch((sys.executable, "-c", {code!r}), Path("/"), dict(os.environ)))
    print(os.read(running.output, 100).decode().strip(), flush=True)
    print(running.pid, running.create_time, flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def supervisor(*, without_shell: bool) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    attempt = f"{os.getpid()}.{time.time_ns()}"
    environment = dict(os.environ, ELSEWHERE_TASK_ID="b" * 32, ELSEWHERE_ATTEMPT=attempt)
    environment.update(PYTHONPATH=str(Path(__file__).parents[2]))
    code = textwrap.dedent(DOUBLE_FORKED_DAEMON) + "\ntime.sleep(600)"
    program = textwrap.dedent(SUPERVISOR.format(without_shell=without_shell, code=code))
    # It carries the mark itself, but whoever asks for the end of a tree is never part of it.
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process, mark_of(environment) or ""
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def tell(process: subprocess.Popen[bytes]) -> tuple[psutil.Process, int, float]:
    """The daemon in the supervisor's tree, and id and start of the command."""
    assert process.stdout is not None
    daemon = psutil.Process(int(read_line(process.stdout.fileno()).split()[1]))
    pid, create_time = read_line(process.stdout.fileno()).split()
    return daemon, int(pid), float(create_time)


def test_the_tree_ends_when_its_supervisor_is_killed() -> None:
    with supervisor(without_shell=False) as (process, _):
        daemon, pid, _ = tell(process)
        command = psutil.Process(pid)
        process.kill()
        await_end(command)
        await_end(daemon)


@pytest.mark.parametrize("with_token", [True, False], ids=["by token", "by its command alone"])
def test_a_tree_whose_supervisor_is_dead_can_be_ended_by_another_process(with_token: bool) -> None:
    with supervisor(without_shell=True) as (process, token):
        daemon, pid, create_time = tell(process)
        command = psutil.Process(pid)
        process.kill()
        process.wait()
        assert runs(command)
        assert runs(daemon)
        end_tree(pid, create_time + 100, DEADLINE, None)
        assert runs(command), "the id alone must not be trusted"
        end_tree(pid, create_time, DEADLINE, token if with_token else None)
        assert not runs(command)
        end_tree(pid, create_time, DEADLINE, token)
        assert not runs(daemon)
        end_tree(pid, create_time, DEADLINE, token)
