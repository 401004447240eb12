"""What a container had printed when its supervisor was killed, for whoever comes after."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from executors.docker.stream import Stream

_PART: int = 65536


def drained(bequest: Sequence[int]) -> int:
    """A descriptor of the output that is left, to its end: what is in the pipe, then in the connection.

    To be called when the container has ended; else the end comes with the container's. It is the
    caller's to close; those of ``bequest``, a ``Running``'s, stay the caller's as well.

    A container's output is put into the pipe by its supervisor: what the engine had sent and the
    supervisor had not put there is in the connection, frame by frame.
    """
    left, written = os.pipe()
    source = os.dup(bequest[0])
    connection = socket.socket(fileno=os.dup(bequest[1])) if len(bequest) > 1 else None

    def carry() -> None:
        with suppress(OSError), os.fdopen(source, "rb", buffering=0) as pipe:
            while part := pipe.read(_PART):
                _write_all(written, part)
        if connection is None:
            os.close(written)
        else:
            Stream(connection, written).pump()

    threading.Thread(target=carry, name="rest of a container's output", daemon=True).start()
    return left


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
