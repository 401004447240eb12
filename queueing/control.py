"""The bell by which a running attempt hears at once that somebody asked something of it."""

from __future__ import annotations

from typing import Any, cast

import redis

from elsewhere.contract import keys
from elsewhere.store.redis.connection import answering, patient

LATE_SECONDS = 3.0
"""How long after the end of a wait the server's answer may come, before it counts as gone."""


class ControlBell:
    """Waits for the control stream of one task. For one thread; keeps its own cursor.

    The cursor begins at the start of the stream, so what was rung before is heard, too.

    Args:
        longest: the longest wait that will be asked for, in seconds.
    """

    def __init__(self, connection: redis.Redis, task_id: str, longest: float) -> None:
        self._connection = patient(connection, longest + LATE_SECONDS)
        self._longest = longest
        self._stream = keys.task_control(task_id)
        self._cursor: Any = "0-0"

    def wait(self, seconds: float) -> bool:
        """Wait until the bell rings, ``seconds`` at most; whether it rang.

        Raises:
            ServerUnreachable: the server does not answer.
        """
        block = max(1, int(min(seconds, self._longest) * 1000))
        with answering(self._connection):
            rung = cast("list[Any]", self._connection.xread({self._stream: self._cursor}, block=block))
        if not rung:
            return False
        self._cursor = rung[0][1][-1][0]
        return True
