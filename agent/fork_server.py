"""Warm supervisors: a small process that has imported everything, and forks on demand.

Importing redis-py and our own modules costs about 0.3 s, a fork 5 ms. The server is forked
from the daemon before that has any thread or connection, so the two share most of their
memory. It holds nothing: when the daemon dies it sees the end of its socket and goes, and
the supervisors, which are nobody's children any more, stay. Why not a waiting spare:
docs/decisions/fork-server.md.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agent.config import AttemptConfig
from agent.janitor import JanitorConfig
from agent.janitor.process import become_janitor
from elsewhere.contract.codec import decode, encode
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.lease import Claim

ANSWER_SECONDS = 30.0
"""A fork takes milliseconds: a server that says nothing for so long counts as dead."""

_OF_ATTEMPTS = ("agent.supervisor", "agent.salvage")
_OF_CONTAINERS = ("docker", "executors.docker", "agent.image.environments", "agent.image.container")
"""Without containers nobody shall pay for the library that speaks to engines."""

_LENGTH = struct.Struct("<I")
_PID = struct.Struct("<i")


class ForkServerDied(ElsewhereError):
    """The fork server is gone; the daemon must start afresh."""

    exit_code = 1


class ForkServer:
    """The daemon's end. Must be made before the process has threads or connections.

    Args:
        template: what every supervisor is told; the state folder and the GPUs come with each claim.
    """

    def __init__(self, template: AttemptConfig) -> None:
        _warm_up(template)
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _serve(theirs, template)
            os._exit(0)
        theirs.close()
        ours.settimeout(ANSWER_SECONDS)
        self._socket = ours
        self.pid = pid

    def fileno(self) -> int:
        """Readable only when the server has died."""
        return self._socket.fileno()

    def start_supervisor(self, claim: Claim, state: Path, gpus: tuple[str, ...] | None) -> int:
        """Start a detached supervisor for ``claim``, with its state in ``state``; its process id.

        Raises:
            ForkServerDied: nothing was started.
        """
        return self._ask({"claim": encode(claim), "state": str(state), "gpus": gpus})

    def start_salvage(self, state: Path) -> int:
        """Start a process that takes care of the attempt in ``state``, whose supervisor died.

        Raises:
            ForkServerDied: nothing was started.
        """
        return self._ask({"state": str(state)})

    def start_sweep(self, config: JanitorConfig, state: Path, *, as_json: bool) -> int:
        """Start a janitor that goes round once, for the agent whose folder is ``state``; its process id.

        Raises:
            ForkServerDied: nothing was started.
        """
        return self._ask({"sweep": asdict(config), "state": str(state), "as_json": as_json})

    def _ask(self, request: dict[str, Any]) -> int:
        body = json.dumps(request).encode()
        try:
            self._socket.sendall(_LENGTH.pack(len(body)) + body)
            answer = self._socket.recv(_PID.size, socket.MSG_WAITALL)
        except OSError as error:
            raise ForkServerDied(f"the fork server does not answer: {error}") from error
        if len(answer) < _PID.size:
            raise ForkServerDied("the fork server died")
        return int(_PID.unpack(answer)[0])

    def close(self) -> None:
        """Let the server go; supervisors stay."""
        self._socket.close()
        os.waitpid(self.pid, 0)


def _serve(requests: socket.socket, template: AttemptConfig) -> None:
    os.setsid()
    # Signals to the daemon's group are the daemon's business.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # The kernel forgets our children as they end: nobody here waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (body := _receive(requests)) is not None:
        if os.fork() == 0:
            _follow_and_leave(requests, body, template)


def _warm_up(template: AttemptConfig) -> None:
    """Import all that a supervisor needs, and find the interpreters.

    In the daemon, before the fork, so that there is one copy of it all; frozen, so that no
    garbage collection touches, and thereby copies, the shared pages.
    """
    from agent import environment

    names = _OF_ATTEMPTS + (_OF_CONTAINERS if template.machine.containers else ())
    for name in names:
        importlib.import_module(name)
    environment.warm()
    gc.collect()
    gc.freeze()


def _follow(request: dict[str, Any], config: AttemptConfig) -> int:
    from agent.supervisor import become_salvager, become_supervisor

    if "sweep" in request:
        sweep = JanitorConfig(**request["sweep"])
        return become_janitor(config.folders, sweep, config.state.name, as_json=request["as_json"])
    if "claim" not in request:
        return become_salvager(config)
    gpus = request["gpus"]
    config = replace(config, gpus=None if gpus is None else tuple(gpus))
    return become_supervisor(decode(Claim, request["claim"]), config)


def _follow_and_leave(requests: socket.socket, body: bytes, template: AttemptConfig) -> None:
    requests.sendall(_PID.pack(os.getpid()))
    requests.close()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    request = json.loads(body)
    os._exit(_follow(request, replace(template, state=Path(request["state"]))))


def _receive(requests: socket.socket) -> bytes | None:
    head = requests.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    body = requests.recv(size, socket.MSG_WAITALL)
    return body if len(body) == size else None
