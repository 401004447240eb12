"""The monitor sees what a real tree of processes takes, costs next to nothing, and fails nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.gpu.port import Gpu
from agent.journal import Journal
from agent.journaled import JournaledTask
from agent.monitor import Monitor, MonitorConfig, configured, titles
from agent.monitor.network import transferred
from agent.monitor.processes import ProcessTree, pss_bytes
from elsewhere.contract.errors import ConfigurationError, DiskFull, ServerUnreachable
from elsewhere.contract.series import Points, Scalars, decode_scalars
from elsewhere.settings import find_folders

MIB = 1024 * 1024
PATIENCE = 30.0

# A child and a grandchild, each with so many MiB; the grandchild burns; both share what was there before.
TREE = """
import os, sys, time
shared = bytearray(os.urandom(1024)) * (100 * 1024)
if os.fork() == 0:
    own = bytearray(os.urandom(1024)) * (50 * 1024)
    if os.fork() == 0:
        print("burning", flush=True)
        while True:
            pass
time.sleep(600)
"""


@pytest.fixture
def spawned() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts programs, waits for their first line, and ends them with all below them."""
    processes: list[subprocess.Popen[str]] = []

    def spawn(program: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return process

    yield spawn
    for process in processes:
        os.killpg(process.pid, 9)
        process.communicate()


class Board:
    """Keeps what a monitor wrote, and wakes those who wait for something."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], list[float]] = {}
        self.points: list[Scalars] = []
        self._changed = threading.Condition()

    def write(self, batch: Sequence[Scalars]) -> None:
        with self._changed:
            for one in batch:
                self.values.setdefault((one.title, one.series), []).extend(one.points.values)
            self.points += batch
            self._changed.notify_all()

    def wait(self, check: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(check, PATIENCE), self.values

    def wait_for(self, title: str, series: str, count: int = 1) -> list[float]:
        self.wait(lambda: len(self.values.get((title, series), [])) >= count)
        return self.values[title, series]


@pytest.fixture
def watching() -> Iterator[Callable[..., Board]]:
    """Starts monitors that look every second, and finishes them."""
    monitors: list[Monitor] = []

    def watch(pid: int | None, *arguments: object, **options: object) -> Board:
        board = Board()
        monitors.append(Monitor(pid, board.write, MonitorConfig(1), *arguments, **options))  # type: ignore[arg-type]
        monitors[-1].start()
        return board

    yield watch
    for monitor in monitors:
        monitor.finish()


def test_a_tree_is_seen_with_its_processors_its_memory_and_its_processes(spawned, watching) -> None:
    board = watching(spawned(TREE).pid)
    board.wait(lambda: max(board.values.get((titles.CPU, titles.PERCENT), [0.0])) > 10)
    assert board.wait_for(titles.PROCESSES, titles.COUNT)[-1] == 3
    # 100 MiB are shared by all three, 50 by two: counted once, and once for each who has them.
    assert 150 < board.wait_for(titles.MEMORY, titles.PSS)[-1] / MIB < 250
    assert board.wait_for(titles.MEMORY, titles.RSS)[-1] / MIB > 380
    assert min(board.wait_for(titles.NETWORK, titles.RECEIVED)) >= 0
    ages = [one.points.iterations[0] for one in board.points]
    assert ages == sorted(ages)
    assert abs(board.points[0].points.milliseconds[0] / 1000 - time.time()) < 300


def test_what_is_written_to_a_disk_is_seen(spawned, watching, tmp_path: Path) -> None:
    program = f"""
import os
print("writing", flush=True)
file = os.open({str(tmp_path / "data")!r}, os.O_WRONLY | os.O_CREAT)
while True:
    os.pwrite(file, os.urandom(1 << 20), 0)
    os.fsync(file)
"""
    board = watching(spawned(program).pid)
    if transferred_by_kernel(tmp_path):
        board.wait(lambda: max(board.values.get((titles.DISK, titles.WRITTEN), [0.0])) > 1000)
    assert min(board.wait_for(titles.DISK, titles.READ)) >= 0


def transferred_by_kernel(folder: Path) -> bool:
    """Whether a write to this folder counts as one to a disk: not where it is in memory."""

    def written() -> int:
        return int(Path("/proc/self/io").read_text().split("\nwrite_bytes: ")[1].split("\n")[0])

    before = written()
    (folder / "probe").write_bytes(b"x" * 65536)
    return written() > before


def test_what_ended_processes_took_is_not_lost(spawned) -> None:
    process = spawned(
        """
import os, sys, time
tree = os.fork()
if tree == 0:
    until = time.process_time() + 0.6
    while time.process_time() < until:
        pass
    os._exit(0)
os.waitpid(tree, 0)
print("done", flush=True)
time.sleep(600)
"""
    )
    look = ProcessTree(process.pid).look()
    assert look is not None
    # The kernel tells whole hundredths, of user and system time each, rounded down.
    assert (look.processes, look.cpu_seconds >= 0.5) == (1, True)


def test_what_a_daemon_takes_is_seen_through_its_subreaper(spawned) -> None:
    supervisor = spawned(
        """
import os, sys, time
from executors.process.subreaper import become_subreaper
become_subreaper()
script = os.fork()
if script == 0:
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
        os._exit(0)
    os.wait()
    time.sleep(600)
while len(open(f"/proc/self/task/{os.getpid()}/children").read().split()) < 2:
    time.sleep(0.01)
print(script, flush=True)
time.sleep(600)
"""
    )
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    script, daemon = map(int, children)
    alone, whole = ProcessTree(script).look(), ProcessTree(script, supervisor.pid).look()
    try:
        assert alone is not None
        assert whole is not None
        assert (alone.pids, set(whole.pids)) == ((script,), {script, daemon})
    finally:
        os.kill(daemon, 9)


def test_a_stranger_who_got_the_id_of_an_ended_process_is_no_part_of_its_tree(spawned) -> None:
    process = spawned("import time; print('up', flush=True); time.sleep(600)")
    tree = ProcessTree(process.pid)
    assert tree.look() is not None
    tree._started = b"1"  # as if the id had been another's when the tree was first looked at
    assert tree.look() is None


class Readings:
    """Two GPUs, as they are recorded for the tests."""

    def look(self) -> tuple[Gpu, ...]:
        return (
            Gpu(0, "GPU-aaa", memory_used=3 * MIB, utilisation=90.0, temperature=70.0),
            Gpu(1, "GPU-bbb", memory_used=5 * MIB),
        )


def test_a_tree_that_is_gone_is_gone_and_its_monitor_goes_on(watching) -> None:
    process = subprocess.Popen(["sleep", "600"])
    tree = ProcessTree(process.pid)
    board = watching(process.pid, Readings())
    board.wait_for(titles.PROCESSES, titles.COUNT)
    process.kill()
    process.wait()
    assert tree.look() is None
    assert ProcessTree(process.pid).look() is None
    board.wait_for(titles.GPU, "0_percent", len(board.values[titles.GPU, "0_percent"]) + 2)


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        (None, {"0_percent", "0_memory_bytes", "0_celsius", "1_memory_bytes"}),
        (("0",), {"0_percent", "0_memory_bytes", "0_celsius"}),
        (("GPU-b",), {"1_memory_bytes"}),
        ((), set()),
    ],
)
def test_only_the_gpus_of_the_attempt_are_told(watching, devices, told: set[str]) -> None:
    board = watching(os.getpid(), Readings(), devices=devices)
    board.wait_for(titles.PROCESSES, titles.COUNT, 2)
    assert {series for title, series in board.values if title == titles.GPU} == told


def test_without_a_process_gpus_are_told_still(watching) -> None:
    board = watching(None, Readings())
    assert board.wait_for(titles.GPU, "0_percent") == [90.0]
    assert (titles.PROCESSES, titles.COUNT) not in board.values


def test_whatever_fails_the_next_look_is_taken(caplog) -> None:
    failures: list[Exception] = [DiskFull("no space"), RuntimeError("out of tune"), OSError(5, "broken")]
    board, left = Board(), list(failures)

    def write(batch: Sequence[Scalars]) -> None:
        if left:
            raise left.pop(0)
        board.write(batch)

    monitor = Monitor(os.getpid(), write, MonitorConfig(1))
    monitor.start()
    board.wait_for(titles.PROCESSES, titles.COUNT)
    monitor.finish()
    monitor.finish()
    assert sum("missed something" in record.message for record in caplog.records) == 1


def test_a_driver_that_hangs_holds_up_nobody(monkeypatch) -> None:
    stuck, released = threading.Event(), threading.Event()

    def look() -> tuple[Gpu, ...]:
        stuck.set()
        released.wait(PATIENCE)
        return ()

    monkeypatch.setattr("agent.monitor.monitor.FAREWELL_SECONDS", 0.1)
    monitor = Monitor(os.getpid(), Board().write, MonitorConfig(1), SimpleNamespace(look=look))  # type: ignore[arg-type]
    monitor.start()
    assert stuck.wait(PATIENCE)
    monitor.finish()
    released.set()


def test_zero_seconds_look_never(monkeypatch) -> None:
    monitor = Monitor(os.getpid(), Board().write, MonitorConfig(0))
    before = threading.active_count()
    monitor.start()
    assert threading.active_count() == before
    monitor.finish()


def test_fifty_processes_are_looked_at_within_half_a_percent(spawned) -> None:
    process = spawned(
        """
import os, threading, time
for number in range(49):
    if os.fork() == 0:
        for _ in range(3):
            threading.Thread(target=time.sleep, args=(600,)).start()
        time.sleep(600)
time.sleep(0.5)
print("grown", flush=True)
time.sleep(600)
"""
    )
    tree = ProcessTree(process.pid)
    costs = []
    for _ in range(5):
        begun = time.thread_time()
        look = tree.look()
        costs.append(time.thread_time() - begun)
        assert look is not None
        assert look.processes == 50
    # Every five seconds; five times that bound, for whatever else this machine does.
    assert min(costs) < 5 * 0.005 * 5
    assert pss_bytes(look)


def test_an_expensive_look_is_taken_less_often(monkeypatch) -> None:
    """0.1 s of a processor a look, every second, would be ten percent."""
    looks: list[float] = []

    def look(self: ProcessTree) -> None:
        looks.append(time.monotonic())
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass

    monkeypatch.setattr(ProcessTree, "look", look)
    pauses: list[float] = []
    monitor = Monitor(os.getpid(), Board().write, MonitorConfig(1))
    wait = monitor._over.wait
    monkeypatch.setattr(monitor._over, "wait", lambda pause: pauses.append(pause) or wait(min(pause, 0.01)))
    monitor.start()
    deadline = time.monotonic() + PATIENCE
    while len(pauses) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    monitor.finish()
    assert pauses[0] == 1.0
    assert min(pauses[1:3]) >= 0.1 / 0.002


def test_what_was_seen_while_the_server_was_away_is_in_the_journal(tmp_path: Path) -> None:
    class Away:
        def get(self, task_id: str) -> None:
            raise ServerUnreachable("away")

    journal = Journal(tmp_path)
    task = JournaledTask(Away(), journal, SimpleNamespace(id="0" * 32))  # type: ignore[arg-type]
    board = Board()

    def write(batch: Sequence[Scalars]) -> None:
        task.add_scalars(batch)
        board.write(batch)

    monitor = Monitor(os.getpid(), write, MonitorConfig(1))
    monitor.start()
    board.wait_for(titles.PROCESSES, titles.COUNT)
    monitor.finish()
    journal.close()
    entry = next(iter(journal.read()))
    assert entry.kind == "scalars"
    told = {(one.title, one.series): one.points for one in decode_scalars(entry.data)}
    assert told[titles.PROCESSES, titles.COUNT].values[0] >= 1


def test_a_batch_that_no_store_could_hold_is_refused_before_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    task = JournaledTask(None, journal, SimpleNamespace(id="0" * 32))  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        task.add_scalars([Scalars("", "x", Points.of([(0, 1.0, 0.0)]))])
    assert journal.last == 0


def test_the_setting_is_read_and_checked(elsewhere_home: Path, monkeypatch) -> None:
    assert configured(find_folders()) == MonitorConfig(5)
    monkeypatch.setenv("ELSEWHERE_MONITOR_SECONDS", "0")
    assert configured(find_folders()) == MonitorConfig(0)
    monkeypatch.setenv("ELSEWHERE_MONITOR_SECONDS", "often")
    with pytest.raises(ConfigurationError, match="ELSEWHERE_MONITOR_SECONDS"):
        configured(find_folders())


def test_a_network_that_cannot_be_read_is_not_told() -> None:
    assert transferred(2**22 + 1) is None
