"""Where the tests' engine answers: one that runs anyway, else one of our own, shared by all test processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from executors.docker.address import addresses, answers

START_SECONDS = 60.0
PROGRAMS = {"dockerd": "docker.io", "debootstrap": "debootstrap", "busybox": "busybox-static"}


class NoEngine(Exception):
    """Why there is no engine here."""


def cache() -> Path:
    """Where images wait for the next run, and where the test processes of this user meet."""
    return platformdirs.user_cache_path("elsewhere-tests", ensure_exists=True)


@contextlib.contextmanager
def locked(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock on the file while the block runs."""
    with path.open("a+") as held:
        fcntl.flock(held, kind)
        yield


@contextlib.contextmanager
def engine() -> Iterator[str]:
    """The URL of an engine that answers while the block runs.

    Raises:
        NoEngine: there is none and none can be started here; the message says why.
    """
    running = next((url for url in addresses() if answers(url)), None)
    if running is not None:
        yield running
        return
    users, noted = cache() / "engine-users.lock", cache() / "engine-url"
    with locked(users, fcntl.LOCK_SH):
        with locked(cache() / "engine-start.lock"):
            url = noted.read_text() if noted.exists() else ""
            if not (url and answers(url)):
                require("dockerd")
                url = start(users)
                noted.write_text(url)
        yield url


def require(program: str) -> None:
    """See to it that the program is there.

    Raises:
        NoEngine: it is not, and cannot be installed here.
    """
    if shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngine(f"no container engine runs, and {program} can be installed only as root on Debian")
    with locked(cache() / "install.lock"):
        variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        packages = [PROGRAMS[program]]
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "-qq", *command], env=variables, capture_output=True, text=True)
        if done.returncode != 0:
            raise NoEngine(f"{program} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")


def start(users: Path) -> str:
    """Start an engine and wait until it answers; it ends when nobody locks ``users``.

    It never takes the place of one that is being started or ended, or that is too busy to answer.
    """
    folder = Path(tempfile.mkdtemp(prefix="ew-"))  # short: it holds a socket
    url = f"unix://{folder}/s"
    variables = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    guardian = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("guardian.py")), str(folder), str(users)],
        env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not answers(url):
        log = folder / "log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        if any("failed to start daemon" in line for line in lines) or time.monotonic() > deadline:
            guardian.terminate()
            raise NoEngine(f"dockerd does not start here: {lines[-1] if lines else 'it says nothing'}")
        time.sleep(0.1)
    return url
