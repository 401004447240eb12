"""Memory and CPU limits, held by the cgroups of this machine, and what is said of want of memory."""

from __future__ import annotations

import contextlib
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
from elsewhere.contract.terms import Limits
from executors.contract import Exit, Launch
from executors.process import ProcessExecutor, ProcessRunning, end_tree
from executors.process.cgroup import Hold, place, sweep
from executors.process.cgroup.hierarchy import Controller, read_counter
from executors.process.cgroup.place import find

DEADLINE = 30.0
MIB = 1024**2
MEMORY = Limits(memory_bytes=96 * MIB)
CPU = Limits(cpus=0.05)
BOTH = Limits(memory_bytes=512 * MIB, cpus=2)

HOG = "hog = bytearray(400 * 1024 ** 2)"
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"

Start = Callable[..., ProcessRunning]


@pytest.fixture
def held() -> None:
    """Skips, saying why, where this machine does not let us set limits."""
    hold = Hold(BOTH)
    hold.clear()
    if hold.notes:
        pytest.skip("; ".join(hold.notes))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ProcessRunning] = []

    def begin(code: str, limits: Limits) -> ProcessRunning:
        argv = (sys.executable, "-c", textwrap.dedent(code))
        running = ProcessExecutor().start(Launch(argv, tmp_path, dict(os.environ), limits))
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


def read_all(running: ProcessRunning) -> str:
    seen = b""
    while chunk := os.read(running.output, 65536):
        seen += chunk
    return seen.decode()


def cgroup_of(pid: int, controller: Controller) -> Path:
    """The folder of a launch's cgroup, as the kernel tells where the process is."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    named = [path for _, names, path in lines if controller in names.split(",")]
    unnamed = [path for _, names, path in lines if not names]
    return find(controller).parent() / Path((named or unnamed)[0]).name


def await_true(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def leftovers() -> list[Path]:
    return [folder for name in ("memory", "cpu") for folder in find(name).parent().glob("elsewhere-*")]


@pytest.mark.usefixtures("held")
def test_a_hog_is_killed_at_its_memory_limit_and_that_is_told(start: Start) -> None:
    running = start(HOG, MEMORY)
    assert running.notes == ()
    assert running.wait(DEADLINE) == Exit(-9, oom_killed=True)


@pytest.mark.usefixtures("held")
def test_a_command_that_fails_because_its_child_was_killed_for_memory_says_so(start: Start) -> None:
    running = start(
        f"""
        import subprocess, sys
        raise SystemExit(3 if subprocess.call([sys.executable, "-c", {HOG!r}]) == -9 else 4)
        """,
        MEMORY,
    )
    assert running.wait(DEADLINE) == Exit(3, oom_killed=True)


@pytest.mark.usefixtures("held")
def test_a_command_that_gets_over_the_loss_of_a_child_has_not_failed(start: Start) -> None:
    running = start(f"import subprocess, sys; subprocess.call([sys.executable, '-c', {HOG!r}])", MEMORY)
    assert running.wait(DEADLINE) == Exit(0, oom_killed=False)


@pytest.mark.usefixtures("held")
def test_a_command_is_not_killed_below_its_memory_limit(start: Start) -> None:
    assert start(HOG, Limits(memory_bytes=900 * MIB)).wait(DEADLINE) == Exit(0)


@pytest.mark.usefixtures("held")
def test_a_spinner_is_throttled_to_its_share_of_the_processors(start: Start) -> None:
    running = start("print('up', flush=True)\nwhile True: pass", CPU)
    read_line(running.output)
    counters = cgroup_of(running.pid, "cpu") / "cpu.stat"
    await_true(lambda: read_counter(counters, "nr_throttled") > 0)


@pytest.mark.parametrize("limits", [Limits(), MEMORY, CPU], ids=["no limits", "memory", "cpu"])
@pytest.mark.usefixtures("held")
def test_a_command_that_somebody_killed_was_not_short_of_memory(start: Start, limits: Limits) -> None:
    running = start("import os; os.kill(os.getpid(), 9)", limits)
    assert running.wait(DEADLINE) == Exit(-9, oom_killed=False)


@pytest.mark.skipif(not os.access("/dev/kmsg", os.W_OK), reason="the kernel's log may not be written to")
def test_a_line_that_a_program_wrote_into_the_kernels_log_is_no_evidence(start: Start) -> None:
    running = start(
        """
        import os
        with open("/dev/kmsg", "w") as log:
            log.write(f"<0>Memory cgroup out of memory: Killed process {os.getpid()} (python) total-vm:1kB\\n")
        os.kill(os.getpid(), 9)
        """,
        Limits(),
    )
    assert running.wait(DEADLINE) == Exit(-9, oom_killed=False)


SUPERVISOR_IN_A_CROWDED_CGROUP = """
    import sys
    from pathlib import Path
    from executors.contract import Launch
    from executors.process import ProcessExecutor, evidence
    if {hidden_log}:
        evidence._FIRST_PROCESSES = 0
    for code in ({hog!r}, "import os; os.kill(os.getpid(), 9)"):
        running = ProcessExecutor().start(Launch((sys.executable, "-c", code), Path("/")))
        print(running.wait(), type(running._evidence).__name__, flush=True)
        running.terminate(0)
"""


@pytest.mark.parametrize(
    ("hidden_log", "witness"), [(False, "KernelLog"), (True, "SharedCounter")], ids=["log", "hidden log"]
)
@pytest.mark.usefixtures("held")
def test_without_a_limit_of_its_own_the_kernel_is_asked_who_killed_it(
    start: Start, monkeypatch: pytest.MonkeyPatch, hidden_log: bool, witness: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    running = start(SUPERVISOR_IN_A_CROWDED_CGROUP.format(hidden_log=hidden_log, hog=HOG), MEMORY)
    told = read_all(running).splitlines()
    assert running.wait(DEADLINE) == Exit(0), told
    if witness not in told[0]:
        pytest.skip(f"this machine has another witness: {told[0]}")
    assert told == [
        f"Exit(code=-9, oom_killed=True) {witness}",
        f"Exit(code=-9, oom_killed=False) {witness}",
    ]


@pytest.mark.usefixtures("held")
def test_a_command_with_limits_is_the_process_it_would_be_without(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import json, os, signal, sys
        print(json.dumps({
            "argv": [os.fsencode(word).decode("latin-1") for word in sys.argv],
            "environment": {k.decode("latin-1"): v.decode("latin-1") for k, v in os.environb.items()},
            "open": [fd for fd in range(256) if os.path.exists(f"/proc/self/fd/{fd}")],
            "stdin": sys.stdin.read(),
            "session": os.getsid(0) == os.getpid() == os.getpgrp(),
            "pid": os.getpid(),
            "folder": os.getcwd(),
            "blocked": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
            "ignored": open("/proc/self/status").read().split("SigIgn:")[1].split()[0],
            "name": open("/proc/self/comm").read(),
        }))
    """)
    environment = {
        "BASH_FUNC_module%%": "() {\n}",
        "PWD": "/wrong",
        "EMPTY": "",
        "BYTES": "\udcff",
        "LC_ALL": "C",
    }

    def told(limits: Limits) -> dict[str, object]:
        argv = (sys.executable, "-c", code, "a b", "", "\udcfe", "-x")
        running = ProcessExecutor().start(Launch(argv, tmp_path, environment, limits))
        answer: dict[str, object] = json.loads(read_all(running))
        assert answer.pop("pid") == running.pid
        running.terminate(0)
        return answer

    assert told(BOTH) == told(Limits())


@pytest.mark.usefixtures("held")
def test_a_command_is_inside_before_it_runs(tmp_path: Path) -> None:
    running = ProcessExecutor().start(Launch(("cat", "/proc/self/cgroup"), tmp_path, {}, BOTH))
    assert "/elsewhere-" in read_all(running)
    running.terminate(0)


@pytest.mark.usefixtures("held")
def test_what_cannot_be_started_is_refused_alike_with_limits(tmp_path: Path) -> None:
    (tmp_path / "not-executable").write_text("")
    gone = tmp_path / "gone"

    def launch_in_vain() -> None:
        before = len(list(Path("/proc/self/fd").iterdir())), len(psutil.Process().children()), leftovers()
        for argv, folder, environment in [
            (("no-such-program",), tmp_path, {"PATH": "/usr/bin"}),
            (("./not-executable",), tmp_path, {}),
            (("true",), gone, {}),
            (("true",), tmp_path, {"A": "b\0c"}),
            (("true",), tmp_path, {"A=B": "c"}),
            ((), tmp_path, {}),
        ]:
            refusals = []
            for limits in (Limits(), BOTH):
                with pytest.raises(LaunchError) as caught:
                    ProcessExecutor().start(Launch(argv, folder, environment, limits))
                refusals.append(str(caught.value))
            assert refusals[0] == refusals[1]
        after = len(list(Path("/proc/self/fd").iterdir())), len(psutil.Process().children()), leftovers()
        assert after == before

    alone(launch_in_vain)


@pytest.mark.usefixtures("held")
def test_the_cgroup_is_gone_after_the_tree(start: Start) -> None:
    running = start(SLEEPER, BOTH)
    read_line(running.output)
    folders = {cgroup_of(running.pid, "memory"), cgroup_of(running.pid, "cpu")}
    assert all(folder.is_dir() for folder in folders)
    running.terminate(DEADLINE)
    assert not any(folder.exists() for folder in folders)


@pytest.mark.usefixtures("held")
def test_a_cgroup_that_the_command_made_in_its_own_goes_with_it(start: Start) -> None:
    running = start(SLEEPER, MEMORY)
    read_line(running.output)
    inner = cgroup_of(running.pid, "memory") / "inner"
    inner.mkdir()
    running.terminate(0)
    assert not inner.parent.exists()


@pytest.mark.usefixtures("held")
def test_a_launch_that_nobody_terminated_leaves_no_cgroup(start: Start, tmp_path: Path) -> None:
    running = ProcessExecutor().start(Launch(("/bin/true",), tmp_path, {}, BOTH))
    assert running.wait(DEADLINE) == Exit(0)
    before = leftovers()
    assert before
    del running
    await_true(lambda: not set(before) & set(leftovers()))


SUPERVISOR = """
    import os, sys, time
    from pathlib import Path
    from elsewhere.contract.terms import Limits
    from executors.contract import Launch
    from executors.process import ProcessExecutor
    if {without_shell}:
        import executors.process.deadman as deadman
        deadman._SHELL = "/no/such/shell"
    launch = Launch((sys.executable, "-c", {code!r}), Path("/"), {{}}, Limits(512 * 1024 ** 2, 2))
    running = ProcessExecutor().start(launch)
    os.read(running.output, 100)
    print(running.pid, running.create_time, flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def killed_supervisor(*, without_shell: bool) -> Iterator[tuple[int, float, set[Path]]]:
    """Yields id and start of the command that it left, and its cgroups."""
    code = textwrap.dedent(SUPERVISOR.format(without_shell=without_shell, code=SLEEPER))
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as told:
        pid, create_time = read_line(told.fileno()).split()
        folders = {cgroup_of(int(pid), "memory"), cgroup_of(int(pid), "cpu")}
        assert all(folder.is_dir() for folder in folders)
        process.send_signal(signal.SIGKILL)
        process.wait()
        yield int(pid), float(create_time), folders


@pytest.mark.usefixtures("held")
def test_the_cgroup_goes_when_its_supervisor_is_killed() -> None:
    with killed_supervisor(without_shell=False) as (pid, _, folders):
        await_true(lambda: not any(folder.exists() for folder in folders))
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.usefixtures("held")
def test_whoever_ends_the_tree_of_a_dead_supervisor_removes_its_cgroup() -> None:
    with killed_supervisor(without_shell=True) as (pid, create_time, folders):
        sweep()
        assert all(folder.is_dir() for folder in folders), "somebody is still inside"
        end_tree(pid, create_time, DEADLINE, None)
        assert not any(folder.exists() for folder in folders)


@pytest.mark.usefixtures("held")
def test_an_empty_cgroup_whose_maker_lives_is_not_swept_away() -> None:
    hold = Hold(BOTH)
    folders = hold.folders
    sweep()
    assert all(folder.is_dir() for folder in folders)
    hold.leave()
    sweep()
    assert not any(folder.exists() for folder in folders)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_set_limits_gets_a_note_and_the_command_runs(start: Start, tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, pathlib, sys
        from elsewhere.contract.terms import Limits
        from executors.contract import Launch
        from executors.process import ProcessExecutor
        os.setegid(65534)
        os.seteuid(65534)
        launch = Launch(("/bin/echo", "ran"), pathlib.Path("/"), {}, Limits(2 * 1024 ** 3, 1.5))
        running = ProcessExecutor().start(launch)
        print(running.wait(), os.read(running.output, 100))
        print(*running.notes, sep="\\n")
        running.terminate(0)
    """)
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    told = done.stdout.splitlines()
    assert told[0] == "Exit(code=0, oom_killed=False) b'ran\\n'"
    assert told[1].startswith("the memory limit of 2 GiB is not enforced: ")
    assert told[2].startswith("the CPU limit of 1.5 is not enforced: ")
    assert len(told) == 3


def test_a_machine_without_cgroups_is_told_of_in_a_note(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(place, "_MOUNTS", tmp_path / "no-such-file")
    running = start("print('ran')", BOTH)
    assert read_all(running) == "ran\n"
    assert [note.partition(" (")[0] for note in running.notes] == [
        "the memory limit of 0.5 GiB is not enforced: this machine has no cgroups",
        "the CPU limit of 2 is not enforced: this machine has no cgroups",
    ]


@pytest.mark.usefixtures("held")
def test_a_cgroup_that_cannot_be_entered_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Hold, "folders", [Path("/sys/kernel")])
    running = ProcessExecutor().start(Launch(("/bin/echo", "ran"), tmp_path, {}, CPU))
    monkeypatch.undo()
    assert read_all(running) == "ran\n"
    assert running.notes[0].startswith("the limits of /sys/kernel are not enforced: ")
    running.terminate(0)
