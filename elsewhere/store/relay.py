"""What an attempt may do to its own task, over the Unix socket of its supervisor.

One JSON object a line. A request is ``{"id": 1, "call": "task", "arguments": {…}}``; its answer
``{"id": 1, "result": …}`` or ``{"id": 1, "error": {"kind": …, "what": …, "next_step": …}}``.
This runs in the user's process: standard library only, and imported when it is needed.
"""

from __future__ import annotations

import json
import os
import socket as sockets
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from elsewhere.contract import errors
from elsewhere.contract.errors import ElsewhereError, RelayClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elsewhere.contract.events import EventKind
    from elsewhere.contract.outcome import Verdict
    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.contract.write import ConfigurationSet, Write

TIMEOUT_SECONDS = 5.0
"""How long one answer may take."""

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes. Far above any task: a supervisor that answers more is none of ours."""


class Given(NamedTuple):
    """What an attempt was given to run with."""

    parameters: Mapping[str, JSONValue]
    overrides: tuple[str, ...]
    """Names in ``parameters`` that somebody set by hand."""


class RelayStore:
    """The part of ``Store`` that an attempt has, for its own task only.

    The supervisor adds the attempt's number to every write: it is the fence, and a late write
    is refused with ``LateWrite``. May be used from any thread; a forked child connects anew.
    Every method raises ``RelayClosed`` when the supervisor does not answer within 5 s.
    """

    def __init__(self, socket_path: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._path = socket_path
        self._timeout = timeout
        self._lock = threading.Lock()
        self._socket: sockets.socket | None = None
        self._pending = b""
        self._last = 0
        # The child has the parent's socket, and maybe its lock, held by a thread it has not.
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_anew(reference))

    def task(self) -> TaskRecord:
        """The attempt's own task, as the store holds it now."""
        from elsewhere.contract.codec import decode
        from elsewhere.contract.task import TaskRecord

        return decode(TaskRecord, self._text("task"))

    def get(self, task_id: str) -> TaskRecord:
        """The attempt's own task.

        Raises:
            TaskNotFound: it is another task's id.
        """
        record = self.task()
        if record.id != task_id:
            raise errors.TaskNotFound(f"task {task_id} cannot be reached from an attempt at {record.id}")
        return record

    def given(self) -> Given:
        """The parameters that the attempt is to run with; much cheaper than the whole task."""
        answer = json.loads(self._text("given"))
        return Given(answer["parameters"], tuple(answer["overrides"]))

    def set_parameters(
        self, task_id: str, parameters: Mapping[str, JSONValue], *, attempt: int | None = None
    ) -> None:
        """Merge ``parameters`` into the task's own; ``attempt`` may be left out.

        Raises:
            LateWrite: another attempt owns the task by now.
            TaskNotFound: it is another task's id.
        """
        from elsewhere.contract.write import ParametersSet

        self.write(ParametersSet(parameters), task_id=task_id, attempt=attempt)

    def record_event(
        self, task_id: str, kind: EventKind, detail: str = "", *, attempt: int | None = None
    ) -> None:
        """Append to the task's events; ``attempt`` may be left out."""
        from elsewhere.contract.write import Happened

        self.write(Happened(kind, detail), task_id=task_id, attempt=attempt)

    def write(self, write: Write, *, task_id: str | None = None, attempt: int | None = None) -> None:
        """Make a change to the task; its supervisor has it on disk when this returns.

        Raises:
            LateWrite: another attempt owns the task by now.
            SchemaError: a value that cannot be stored; the message names it.
            TaskNotFound: it is another task's id.
            UsageError: an edit that makes no sense, or a configuration over 8 MiB.
        """
        from base64 import b64encode

        from elsewhere.contract.write import encode_write

        arguments: dict[str, JSONValue] = {"write": b64encode(encode_write(write)).decode()}
        if task_id is not None:
            arguments["task_id"] = task_id
        if attempt is not None:
            arguments["attempt"] = attempt
        self._call("write", arguments)

    def configurations(self) -> list[str]:
        """Names of the task's configurations.

        Raises:
            ServerUnreachable: no server answers the supervisor: nobody can know.
        """
        answer = self._call("configurations", {})
        if not isinstance(answer, list):
            raise RelayClosed("the supervisor answered 'configurations' with no list")
        return [str(name) for name in answer]

    def configuration(self, name: str) -> ConfigurationSet | None:
        """The task's configuration of that name.

        Raises:
            ServerUnreachable: no server answers the supervisor: nobody can know.
        """
        from base64 import b64decode

        from elsewhere.contract.write import ConfigurationSet, decode_write

        answer = self._call("configuration", {"name": name})
        if answer is None:
            return None
        kept = decode_write(b64decode(str(answer)))
        if not isinstance(kept, ConfigurationSet):
            raise RelayClosed("the supervisor answered 'configuration' with something else")
        return kept

    def report(self, parameters: Mapping[str, JSONValue], used: list[str]) -> None:
        """Say what the script really runs with, and which names set by hand its parser knew."""
        if parameters:
            from elsewhere.contract.write import ParametersSet

            self.write(ParametersSet(parameters))
        if used:
            self._call("parameters_used", {"names": list(used)})

    def judge(self, verdict: Verdict) -> None:
        """Say how the task is to end once the script has; the last word counts.

        Raises:
            DiskFull: its supervisor cannot keep it.
            UsageError: a status that no script can end with.
        """
        from elsewhere.contract.codec import encode

        self._call("verdict", {"verdict": encode(verdict)})

    def close(self) -> None:
        """Give the connection back; the next call would open another."""
        with self._lock:
            self._drop()

    def _text(self, call: str) -> str:
        result = self._call(call, {})
        if not isinstance(result, str):
            raise RelayClosed(f"the supervisor answered {call!r} with a {type(result).__name__}")
        return result

    def _call(self, call: str, arguments: Mapping[str, JSONValue]) -> JSONValue:
        with self._lock:
            self._last += 1
            request = {"id": self._last, "call": call, "arguments": arguments}
            line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
            try:
                answer = self._exchange(line)
            except (OSError, ValueError) as error:
                self._drop()  # an answer that comes late must not be taken for the next one
                raise RelayClosed(
                    f"the supervisor of this attempt does not answer on {self._path}: {error}",
                    "Nothing to do here: without its supervisor the attempt ends soon.",
                ) from error
        if "error" in answer:
            raise _error(answer["error"])
        result: JSONValue = answer.get("result")
        return result

    def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._socket is None:
            self._socket = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
            self._socket.settimeout(self._timeout)
            self._socket.connect(self._path)
        # Where it hung up, a refusal may stand in the buffer still: it says why better than we could.
        with suppress(BrokenPipeError):
            self._socket.sendall(line)
        answer = json.loads(self._line(self._socket))
        if not isinstance(answer, dict) or answer.get("id") not in (self._last, None):
            raise ValueError("an answer to something else")
        if answer.get("id") is None:
            self._drop()  # it could not read the request, and closes the connection
        return answer

    def _line(self, connection: sockets.socket) -> bytes:
        pieces = [self._pending]
        size = len(self._pending)
        while b"\n" not in pieces[-1]:
            piece = connection.recv(65536)
            size += len(piece)
            if not piece or size > LONGEST_ANSWER:
                raise ValueError("it closed the connection" if not piece else "an answer without end")
            pieces.append(piece)
        line, _, self._pending = b"".join(pieces).partition(b"\n")
        return line

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._pending = b""

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._drop()


def _start_anew(reference: Callable[[], RelayStore | None]) -> None:
    store = reference()
    if store is not None:
        store._start_anew()


def _error(stated: Any) -> ElsewhereError:
    if not isinstance(stated, dict):
        return RelayClosed("the supervisor answered with an error that cannot be read")
    kind = getattr(errors, str(stated.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, ElsewhereError)):
        kind = ElsewhereError
    error: ElsewhereError = kind(str(stated.get("what")), str(stated.get("next_step") or ""))
    return error
