"""A TCP proxy before the server that swallows answers: what was asked is done, and nobody hears of it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Swallower:
    """Cuts a connection after the server has answered a request that holds ``marker``."""

    database: str
    marker: bytes = b""
    times: int = 0
    swallowed: int = 0
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/{self.database}"

    def swallow(self, marker: bytes, times: int = 1) -> None:
        self.marker, self.times, self.swallowed = marker, times, 0

    def takes(self, request: bytes) -> bool:
        with self.lock:
            hit = bool(self.marker) and self.marker in request and self.swallowed < self.times
            self.swallowed += hit
            return hit


@contextmanager
def swallowing(unix_url: str) -> Iterator[Swallower]:
    """A proxy of the server at a ``unix://`` URL, for as long as the block lasts."""
    path, _, database = unix_url.removeprefix("unix://").partition("?db=")
    swallower = Swallower(database)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(str(Path(path)))
                threading.Thread(target=self._requests, args=(server,), daemon=True).start()
                self._armed = False
                while answer := _received(server):
                    if self._armed:
                        break
                    self.request.sendall(answer)
                _shut(self.request)

        def _requests(self, server: socket.socket) -> None:
            while request := _received(self.request):
                self._armed = swallower.takes(request)
                server.sendall(request)
            _shut(server)

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is no news."""

    with Listener(("127.0.0.1", 0), Relay) as listener:
        swallower.port = listener.server_address[1]
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield swallower
        listener.shutdown()
        thread.join()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 20)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
