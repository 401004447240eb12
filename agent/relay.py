"""The supervisor's end of the Relay: the user's processes reach their task through it.

The other end, and the words spoken, are in :mod:`elsewhere.store.relay`. Whatever a user's
process sends, the supervisor goes on: it answers with an error, or closes that connection.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import selectors
import socket as sockets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from elsewhere.contract.codec import decode, encode, encode_parameters
from elsewhere.contract.errors import (
    ElsewhereError,
    LateWrite,
    TaskNotFound,
    UsageError,
)
from elsewhere.contract.lease import Lease
from elsewhere.contract.outcome import Verdict
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, TaskRecord
from elsewhere.contract.write import (
    LONGEST_CONFIGURATION,
    ConfigurationSet,
    Write,
    decode_write,
    encode_write,
)

Arguments = dict[str, Any]
Call = Callable[[Arguments], JSONValue]
"""Answers one request from its arguments, or raises. Called from the server's thread."""

LONGEST_LINE = 2 * LONGEST_CONFIGURATION
"""Bytes of one request: a configuration as base64, and what is said of it."""

MOST_CONNECTIONS = 1024
"""Processes of one attempt that are served at once; further ones wait to be accepted."""

_logger = logging.getLogger(__name__)


class RelayServer:
    """Serves one attempt's processes on a Unix socket, in a thread of its own, until ``close``.

    The socket has mode 0600; a folder that has to be made for it gets 0700. Requests are
    answered one after the other, so the calls should be quick.

    Raises:
        OSError: the socket cannot be made at ``path``.
    """

    def __init__(self, path: Path, calls: Mapping[str, Call]) -> None:
        self._path = path
        self._calls = dict(calls)
        self._listener = _listen(path)
        self._selector = selectors.DefaultSelector()
        self._bell, self._rung = sockets.socketpair()
        self._connections: set[_Connection] = set()
        self._listening = False
        self._listen(True)
        self._selector.register(self._rung, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the socket. Safe to repeat."""
        with suppress(OSError):
            self._bell.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def __enter__(self) -> RelayServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        try:
            while True:
                for key, ready in self._selector.select():
                    if key.fileobj is self._rung:
                        return
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._attend(key.data, ready)
        finally:
            for connection in list(self._connections):
                self._drop(connection)
            self._selector.close()
            self._listener.close()
            self._rung.close()

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            _logger.warning("the relay cannot accept a connection: %s", error.strerror)
            time.sleep(0.05)  # out of descriptors, say: not to spin until one is given back
            return
        peer.setblocking(False)
        connection = _Connection(peer)
        self._connections.add(connection)
        self._selector.register(peer, selectors.EVENT_READ, connection)
        if len(self._connections) >= MOST_CONNECTIONS:
            self._listen(False)

    def _listen(self, wanted: bool) -> None:
        if wanted and not self._listening:
            self._selector.register(self._listener, selectors.EVENT_READ)
        elif self._listening and not wanted:
            self._selector.unregister(self._listener)
        self._listening = wanted

    def _attend(self, connection: _Connection, ready: int) -> None:
        try:
            open_still = connection.send() if ready & selectors.EVENT_WRITE else connection.receive()
            while not connection.outgoing and (line := connection.line()) is not None:
                connection.outgoing += self._answer(line)
                connection.send()
            if connection.overlong:
                connection.outgoing += _refusal(
                    None, UsageError(f"a request may have at most {LONGEST_LINE} bytes")
                )
                connection.send()
                open_still = False
        except OSError:
            open_still = False
        if not open_still:
            self._drop(connection)
            return
        # Who does not read its answers is not heard until it does: nothing grows without bound.
        interest = selectors.EVENT_WRITE if connection.outgoing else selectors.EVENT_READ
        self._selector.modify(connection.socket, interest, connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._listen(True)

    def _answer(self, line: bytes) -> bytes:
        number: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise UsageError("a request must be a JSON object")  # noqa: TRY301 - one place answers
            number = request.get("id")
            call = self._calls.get(str(request.get("call")))
            arguments = request.get("arguments", {})
            if call is None or not isinstance(arguments, dict):
                raise UsageError(f"no such call: {request.get('call')!r:.100}")  # noqa: TRY301
            return _line({"id": number, "result": call(arguments)})
        except ElsewhereError as error:
            return _refusal(number, error)
        except (ValueError, KeyError, TypeError, RecursionError):
            return _refusal(number, UsageError("a request that is not JSON, or an argument that is wrong"))
        except Exception as error:  # noqa: BLE001 - a user's process must not end its supervisor
            # Not its text: it may quote the server's URL.
            _logger.warning("a relay call failed: %s", type(error).__name__)
            return _refusal(number, ElsewhereError(f"the supervisor failed: {type(error).__name__}"))


class _Connection:
    """One process of the user, and the bytes under way to and from it."""

    def __init__(self, socket: sockets.socket) -> None:
        self.socket = socket
        self.outgoing = b""
        self._incoming = bytearray()
        self._searched = 0

    @property
    def overlong(self) -> bool:
        """Whether the next request is longer than any may be."""
        return len(self._incoming) > LONGEST_LINE and self._end() < 0

    def receive(self) -> bool:
        """Take what has come; False when the peer is gone."""
        try:
            piece = self.socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return True
        self._incoming += piece
        return bool(piece)

    def line(self) -> bytes | None:
        """The next whole request, taken out of what has come."""
        end = self._end()
        if end < 0:
            return None
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 1]
        self._searched = 0
        return line

    def _end(self) -> int:
        """Where the next request ends; -1 where it does not yet, or is longer than any may be."""
        end = self._incoming.find(b"\n", self._searched, LONGEST_LINE + 1)
        if end < 0:
            self._searched = len(self._incoming)
        return end

    def send(self) -> bool:
        """Send what the peer takes now."""
        while self.outgoing:
            try:
                sent = self.socket.send(self.outgoing)
            except (BlockingIOError, InterruptedError):
                break
            self.outgoing = self.outgoing[sent:]
        return True


class OwnTask(Protocol):
    """The one task that an attempt may see and write to. Called from the server's thread."""

    def get(self) -> TaskRecord:
        """The task as it is now."""
        ...

    def write(self, write: Write) -> None:
        """Make a change to the task."""
        ...

    def configurations(self) -> list[str]:
        """Names of the task's configurations."""
        ...

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The task's configuration of that name."""
        ...


def attempt_calls(
    own: OwnTask,
    lease: Lease,
    used: set[str],
    judged: Callable[[Verdict], None] = lambda _: None,
) -> dict[str, Call]:
    """What an attempt may ask for: its own task, and writes to it.

    ``used`` gathers the names of overrides that a parser of the script knew; ``judged`` keeps what the
    script says of its own end.
    """

    def task(arguments: Arguments) -> JSONValue:
        del arguments
        return encode(own.get())

    def given(arguments: Arguments) -> JSONValue:
        del arguments
        now = own.get()
        return f'{{"parameters":{encode_parameters(now.parameters)},"overrides":{json.dumps(now.overrides)}}}'

    def write(arguments: Arguments) -> None:
        _require_own(lease, arguments)
        change = decode_write(base64.b64decode(arguments["write"], validate=True))
        parameters = getattr(change, "parameters", {})
        if not all("/" in name for name in parameters):
            raise UsageError("parameters must be named by SECTION/KEY")
        own.write(change)

    def configurations(arguments: Arguments) -> JSONValue:
        del arguments
        return list(own.configurations())

    def configuration(arguments: Arguments) -> JSONValue:
        kept = own.configuration(str(arguments.get("name")))
        return None if kept is None else base64.b64encode(encode_write(kept)).decode()

    def parameters_used(arguments: Arguments) -> None:
        names = arguments.get("names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError("names must be a list of texts")
        used.update(names)

    def verdict(arguments: Arguments) -> None:
        _require_own(lease, arguments)
        given = decode(Verdict, arguments["verdict"])
        if given.status not in (Status.COMPLETED, Status.FAILED, Status.STOPPED):
            raise UsageError(f"a script cannot end its own task as {given.status}")
        judged(given)

    return {
        "task": task,
        "given": given,
        "write": write,
        "configurations": configurations,
        "configuration": configuration,
        "parameters_used": parameters_used,
        "verdict": verdict,
    }


def _require_own(lease: Lease, arguments: Arguments) -> None:
    task_id = arguments.get("task_id", lease.task_id)
    if task_id != lease.task_id:
        raise TaskNotFound(f"task {task_id!r:.100} cannot be reached from an attempt at {lease.task_id}")
    attempt = arguments.get("attempt", lease.attempt)
    if attempt != lease.attempt:
        raise LateWrite(f"attempt {attempt!r:.20} does not own task {lease.task_id}: {lease.attempt} does")


def _listen(path: Path) -> sockets.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()  # of a supervisor that was killed
    listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        with suppress(OSError):
            os.fchmod(listener.fileno(), 0o600)  # on Linux the file is made with it: no gap before chmod
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


def _refusal(number: object, error: ElsewhereError) -> bytes:
    stated = {"kind": type(error).__name__, "what": error.what, "next_step": error.next_step}
    return _line({"id": number, "error": stated})
