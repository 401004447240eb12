"""What a container adds to an executor's promises, on a real engine."""

from __future__ import annotations

import hashlib
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from elsewhere.contract.errors import ImageUnavailable, LaunchError
from elsewhere.contract.terms import Limits
from executors.contract import Container, Exit, Launch, Mount
from executors.docker import DockerExecutor, DockerRunning, Engine, ImageFacts, drained

DEADLINE = 30.0
MIB = 1024**2


@pytest.fixture(scope="session")
def engine(engine_url: str) -> Engine:
    return Engine(engine_url)


@pytest.fixture
def labels(engine: Engine) -> Iterator[Mapping[str, str]]:
    """Labels of this test's containers alone, which are gone with it."""
    own = {"elsewhere.test": uuid.uuid4().hex, "elsewhere.room": "executors"}
    yield own
    engine.remove(own)


@pytest.fixture
def container(engine: Engine, base_image: str, labels: Mapping[str, str], tmp_path: Path) -> Container:
    facts = engine.find(base_image, note=print)
    return Container(
        facts.id, ("--network", "none"), mounts=(Mount(tmp_path, writable=True),), labels=labels, user="0:0"
    )


Start = Callable[..., DockerRunning]


@pytest.fixture
def start(engine: Engine, container: Container, tmp_path: Path) -> Iterator[Start]:
    started: list[DockerRunning] = []

    def begin(
        *argv: str,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        **changes: object,
    ) -> DockerRunning:
        made = replace(container, **changes)  # type: ignore[arg-type]
        launch = Launch(argv, tmp_path, environment or {}, limits or Limits(), made)
        started.append(DockerExecutor(engine).start(launch))
        return started[-1]

    yield begin
    for running in started:
        running.terminate(0)


def read_all(descriptor: int) -> bytes:
    seen = bytearray()
    while select.select([descriptor], [], [], DEADLINE)[0]:
        chunk = os.read(descriptor, 1024 * 1024)
        if not chunk:
            return bytes(seen)
        seen += chunk
    raise AssertionError(f"no end within {DEADLINE} s after {len(seen)} bytes")


def read_until(running: DockerRunning, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen and select.select([running.output], [], [], DEADLINE)[0]:
        chunk = os.read(running.output, 65536)
        assert chunk, seen
        seen += chunk
    assert mark in seen
    return seen


def said(running: DockerRunning) -> str:
    text = read_all(running.output).decode()
    assert running.wait(DEADLINE) == Exit(0), text
    return text


def test_fifty_binary_megabytes_come_whole_and_to_a_slow_reader(start: Start, tmp_path: Path) -> None:
    program = (
        "import hashlib, os, sys\n"
        "data = os.urandom(1 << 20) * 50\n"
        "sys.stdout.buffer.write(data); sys.stdout.flush()\n"
        "open('digest', 'w').write(hashlib.sha256(data).hexdigest())\n"
    )
    running = start("python3", "-c", program)
    # Nobody reads: what the pipe and the engine do not hold waits in the command.
    assert running.wait(1) is None
    data = read_all(running.output)
    assert running.wait(DEADLINE) == Exit(0)
    assert hashlib.sha256(data).hexdigest() == (tmp_path / "digest").read_text()


def test_stdout_and_stderr_come_in_the_order_written(start: Start) -> None:
    program = "import os\nfor number in range(500): os.write(1 + number % 2, b'%d\\n' % number)"
    assert said(start("python3", "-c", program)).split() == [str(number) for number in range(500)]


def test_argv_arrives_as_it_is_without_the_images_entrypoint(start: Start) -> None:
    argv = ("--flag", "a b", "$HOME", "", "'quoted'", "-n", "日本")
    program = "import sys; print(sys.argv[1:])"
    assert said(start("python3", "-c", program, *argv)) == f"{list(argv)!r}\n"


def test_a_name_that_is_a_word_of_the_shell_is_the_program(start: Start) -> None:
    assert said(start("echo", "-e", r"a\tb")) == "a\tb\n"
    assert said(start("env", environment={"ONE": "1"})).find("ONE=1") >= 0


def test_the_environment_is_what_was_given_over_the_arguments(start: Start) -> None:
    running = start(
        "python3", "-c", "import os; print(os.environ['A'], os.environ['B'])",
        environment={"A": "launch", "PATH": "/usr/bin"}, arguments=("--network=none", "-e", "A=x", "-e", "B=argument"),
    )  # fmt: skip
    assert said(running) == "launch argument\n"


def test_signals_reach_the_command_with_their_default_meaning(start: Start) -> None:
    program = (
        "import signal; print([signal.getsignal(n) in (signal.SIG_DFL, signal.default_int_handler)"
        " for n in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)])"
    )
    assert said(start("python3", "-c", program)) == "[True, True, True, True]\n"


def test_nothing_is_to_be_read_on_stdin(start: Start) -> None:
    assert said(start("python3", "-c", "import sys; print(repr(sys.stdin.read()))")) == "''\n"


def test_the_folder_is_mounted_at_its_path_and_files_belong_to_the_user(start: Start, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    program = "import os; open('made', 'w').write(os.getcwd())"
    assert said(start("python3", "-c", program, user="1234:2345")) == ""
    made = tmp_path / "made"
    assert made.read_text() == str(tmp_path)
    assert (made.stat().st_uid, made.stat().st_gid) == (1234, 2345)


def test_a_mount_is_read_only_unless_it_says_otherwise(start: Start, tmp_path: Path) -> None:
    running = start("python3", "-c", "open('made', 'w')", mounts=(Mount(tmp_path),))
    assert b"Read-only file system" in read_all(running.output)


def test_without_a_network_there_is_a_loopback_only(start: Start) -> None:
    assert said(start("ls", "/sys/class/net")) == "lo\n"


def test_memory_beyond_the_limit_kills_and_is_told(start: Start) -> None:
    running = start("python3", "-c", "x = b'1' * (1 << 30)", limits=Limits(memory_bytes=64 * MIB, cpus=0.5))
    assert running.wait(DEADLINE) == Exit(-signal.SIGKILL, oom_killed=True)


def test_limits_and_arguments_are_in_force(start: Start) -> None:
    program = (
        "import os, resource; stat = os.statvfs('/dev/shm'); print(stat.f_blocks * stat.f_frsize,"
        " resource.getrlimit(resource.RLIMIT_NOFILE), os.uname().nodename)"
    )
    arguments = ("--network", "none", "--shm-size=32m", "--ulimit", "nofile=99:101", "-h", "box")
    assert said(start("python3", "-c", program, arguments=arguments)) == f"{32 * MIB} (99, 101) box\n"


def test_the_pid_is_the_containers_first_process_here(start: Start) -> None:
    running = start("sleep", "600")
    if running.pid is None:
        pytest.skip("this engine's processes are not visible here")
    assert [child.name() for child in psutil.Process(running.pid).children() if child.name() == "sleep"]
    running.terminate(0)
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE


def test_a_stop_reaches_what_the_command_started(start: Start) -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time\\n"
        'signal.signal(signal.SIGTERM, lambda *_: (print("child ends", flush=True), exit()))\\n'
        'print("up", flush=True); time.sleep(600)\'])\n'
        "child.wait()\n"
    )
    running = start("python3", "-c", program)
    read_until(running, b"up\n")
    running.interrupt()
    assert running.wait(DEADLINE) == Exit(-signal.SIGTERM)


def test_nothing_is_left_of_a_container_that_was_ended(
    start: Start, engine: Engine, labels: Mapping[str, str]
) -> None:
    running = start("true")
    assert running.wait(DEADLINE) == Exit(0)
    assert engine.exit_of(labels) == Exit(0)
    running.terminate(0)
    assert engine.remove(labels) == 0


def test_a_command_that_is_missing_is_named_and_leaves_nothing(
    start: Start, engine: Engine, labels: Mapping[str, str]
) -> None:
    for program in ("/no/such", "no-such-program"):
        with pytest.raises(LaunchError, match=rf"{program} is missing"):
            start(program)
    with pytest.raises(LaunchError, match="/etc/passwd may not be executed"):
        start("/etc/passwd")
    assert engine.remove(labels) == 0


def test_a_mount_that_is_missing_is_named(start: Start, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="not-there"):
        start("true", mounts=(Mount(tmp_path / "not-there"),))


def test_an_image_that_is_gone_is_named(start: Start) -> None:
    with pytest.raises(ImageUnavailable, match=f"sha256:{'0' * 64} is not in the engine"):
        start("true", image=f"sha256:{'0' * 64}")


def test_gpus_that_the_engine_cannot_hand_in_are_told(start: Start) -> None:
    with pytest.raises(LaunchError, match="GPUs"):
        start("true", gpus=("0",))


def test_an_image_without_a_shell_runs_its_command_and_says_what_is_missing(
    start: Start, engine: Engine, shellless_image: str
) -> None:
    image = engine.find(shellless_image, note=print).id
    running = start("/bin/busybox", "echo", "here", image=image)
    assert said(running) == "here\n"
    assert [note for note in running.notes if "no /bin/sh" in note]
    with pytest.raises(LaunchError, match="/no/such is missing"):
        start("/no/such", image=image)
    endless = start("/bin/busybox", "sleep", "600", image=image)
    endless.terminate(0)
    assert endless.wait(0) == Exit(-signal.SIGKILL)


SUPERVISOR = """
import os, sys, time
from pathlib import Path
from executors.contract import Container, Launch
from executors.docker import DockerExecutor, Engine
url, image, label, folder = sys.argv[1:5]
container = Container(image, ("--network", "none"), labels={"elsewhere.test": label})
program = sys.argv[5]
running = DockerExecutor(Engine(url)).start(Launch(("python3", "-uc", program), Path("/"), {}, container=container))
os.read(running.output, 1)  # so the program has begun
if len(sys.argv) > 6:
    import socket
    to = socket.socket(socket.AF_UNIX); to.connect(sys.argv[6])
    socket.send_fds(to, [b"."], list(running.bequest))
print("started", flush=True)
time.sleep(600)
"""


def supervisor(
    engine: Engine, facts: ImageFacts, labels: Mapping[str, str], *more: str
) -> subprocess.Popen[bytes]:
    arguments = [engine.url, facts.id, labels["elsewhere.test"], "/", *more]
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


IGNORES_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
)


@pytest.mark.parametrize(
    "program", ["import time; print(1); time.sleep(600)", IGNORES_TERM, "while True: print('x' * 9999)"]
)
def test_a_container_ends_when_its_supervisor_is_killed(
    program: str, engine: Engine, base_image: str, labels: Mapping[str, str]
) -> None:
    own = {"elsewhere.test": labels["elsewhere.test"]}
    process = supervisor(engine, engine.find(base_image, note=print), labels, program)
    assert engine.exit_of(own) is None
    process.kill()
    process.wait()
    try:
        # However it took its SIGTERM: an end that the switch makes is none of the command's own.
        assert engine.exit_of(own, within=DEADLINE) == Exit(-signal.SIGKILL)
    finally:
        assert engine.remove(own) == 1


def test_a_successor_with_copies_reads_the_end_and_the_whole_output(
    engine: Engine, base_image: str, labels: Mapping[str, str], tmp_path: Path
) -> None:
    import socket

    own = {"elsewhere.test": labels["elsewhere.test"]}
    with socket.socket(socket.AF_UNIX) as heir:
        heir.bind(str(tmp_path / "s"))
        heir.listen()
        # More than the pipe holds, so that the rest waits in the connection and the engine.
        program = "for number in range(50000): print('-' * 90, 'line', number)\nraise SystemExit(7)"
        process = supervisor(
            engine, engine.find(base_image, note=print), labels, program, str(tmp_path / "s")
        )
        connection, _ = heir.accept()
        with connection:
            _, bequest, _, _ = socket.recv_fds(connection, 1, 8)
    process.kill()
    process.wait()
    rest = drained(bequest)
    lines = read_all(rest).decode().splitlines()
    assert engine.exit_of(own, within=DEADLINE) == Exit(7)
    # What was on its way at that moment may be there twice, at a seam; nothing is missing.
    wanted = iter(lines)
    assert all(any(line.endswith(f"line {number}") for line in wanted) for number in range(1, 50000))
    for descriptor in (rest, *bequest):
        os.close(descriptor)
    assert engine.remove(own) == 1


def test_a_launch_that_nobody_refers_to_ends(
    engine: Engine, container: Container, labels: Mapping[str, str]
) -> None:
    running = DockerExecutor(engine).start(Launch(("sleep", "600"), Path("/"), {}, container=container))
    del running
    assert engine.exit_of(labels, within=DEADLINE) is not None


def test_a_container_that_is_removed_by_others_is_an_end(
    start: Start, engine: Engine, labels: Mapping[str, str]
) -> None:
    running = start("sleep", "600")
    assert engine.remove(labels) == 1
    assert running.wait(DEADLINE) == Exit(-signal.SIGKILL)
    assert read_all(running.output) == b""
    running.terminate(1)


def test_a_helper_runs_to_its_end_line_by_line_and_is_gone(
    engine: Engine, container: Container, labels: Mapping[str, str], tmp_path: Path
) -> None:
    lines: list[str] = []
    program = "import os; print('one'); print(os.environ['WORD']); raise SystemExit(5)"
    code = engine.run(
        container,
        ("python3", "-c", program),
        environment={"WORD": "two"},
        working_directory=tmp_path,
        note=lines.append,
    )
    assert (code, lines) == (5, ["one", "two"])
    assert engine.remove(labels) == 0


def test_a_helper_whose_reader_gives_up_is_ended(
    engine: Engine, container: Container, labels: Mapping[str, str], tmp_path: Path
) -> None:
    def give_up(_: str) -> None:
        raise InterruptedError

    endless = "import time; print('up', flush=True); time.sleep(600)"
    with pytest.raises(InterruptedError):
        engine.run(
            container, ("python3", "-c", endless), environment={}, working_directory=tmp_path, note=give_up
        )
    assert engine.remove(labels) == 0


def test_a_helper_can_be_ended_from_another_thread(
    engine: Engine, container: Container, tmp_path: Path
) -> None:
    def end_soon(running: DockerRunning) -> None:
        threading.Thread(target=running.terminate, args=(0,)).start()

    code = engine.run(
        container, ("sleep", "600"), environment={}, working_directory=tmp_path, note=print, started=end_soon
    )
    assert code == -signal.SIGKILL


def test_without_labels_nothing_is_removed(engine: Engine) -> None:
    with pytest.raises(ValueError, match="all containers"):
        engine.remove({})
