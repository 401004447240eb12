"""Wait for work without polling."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering, patient

SLICE_SECONDS = 30.0
"""One blocking read lasts no longer, so that a server that died in silence is noticed."""


class Bell:
    """Rings when one of ``queues`` may have something new, or somebody wants ``agent``'s attention.

    It remembers what it has heard: whatever was rung since the last ``wait`` returned, also
    while nobody waited, ends the next ``wait`` at once. So take until nothing is left, then
    wait, and no task is missed. The first ``wait`` may return for an old ring. Not for
    several threads at once.
    """

    def __init__(self, connection: redis.Redis, agent: str, queues: Sequence[str]) -> None:
        self._connection = patient(connection, SLICE_SECONDS + 10)
        streams = [*map(keys.queue_wake, queues), keys.agent_control(agent)]
        self._heard: dict[Any, Any] = dict.fromkeys(streams, "0-0")

    def wait(self, seconds: float) -> None:
        """Block until a ring, or for ``seconds``.

        Raises:
            ServerUnreachable: the server does not answer.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with answering(self._connection):
                # At least a millisecond: 0 would mean forever.
                block = max(1, int(min(left, SLICE_SECONDS) * 1000))
                rung = cast("list[Any]", self._connection.xread(dict(self._heard), block=block))
            if rung:
                for stream, entries in rung:
                    self._heard[stream.decode()] = entries[-1][0].decode()
                return

    def close(self) -> None:
        """Give back the connection."""
        self._connection.close()

    def __enter__(self) -> Bell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def ring(connection: redis.Redis, agent: str) -> None:
    """Wake ``agent`` from its wait, so that it looks at its own state."""
    with answering(connection):
        connection.xadd(keys.agent_control(agent), {"ring": "1"}, maxlen=1, approximate=False)
