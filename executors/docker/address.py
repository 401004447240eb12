"""Where a container engine may answer on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

_ANSWER_SECONDS: Final = 5.0


def addresses() -> tuple[str, ...]:
    """URLs to try, the likeliest first: ``DOCKER_HOST`` alone where it is set, else the usual sockets."""
    told = os.environ.get("DOCKER_HOST")
    if told:
        return (told,)
    own = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    sockets = (
        Path("/var/run/docker.sock"),
        own / "docker.sock",
        own / "podman" / "podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return tuple(f"unix://{path}" for path in sockets)


def answers(url: str) -> bool:
    """Whether an engine answers there. Asked without the engine's library, whose import takes long."""
    with suppress(OSError, ValueError), _connected(url) as connection:
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def may_enter(url: str) -> bool:
    """False where there is a socket that this user may not write to."""
    path = url.removeprefix("unix://")
    return path == url or not Path(path).exists() or os.access(path, os.W_OK)


def _connected(url: str) -> socket.socket:
    scheme, _, rest = url.partition("://")
    if scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(rest)
        return connection
    if scheme in {"tcp", "http"}:
        host, _, port = rest.rstrip("/").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS)
    raise ValueError(url)
