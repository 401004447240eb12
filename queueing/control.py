"""The bell by which a running attempt hears at once that somebody asked something of it."""

from __future__ import annotations

from typing import Any, cast

from redis import Redis

from elsewhere.contract import keys


class ControlBell:
    """Waits for the control stream of one task. Used by one thread; owns its cursor.

    The cursor begins at the start of the stream, so what was rung before is heard, too.
    """

    def __init__(self, connection: Redis, task_id: str) -> None:
        self._connection = connection
        self._stream = keys.task_control(task_id)
        self._cursor = "0-0"

    def wait(self, seconds: float) -> bool:
        """Wait until the bell rings, ``seconds`` at most; whether it rang."""
        block = max(1, int(seconds * 1000))
        answer = cast(
            "Any", self._connection.xread(cast("Any", {self._stream: self._cursor}), count=1, block=block)
        )
        if not answer:
            return False
        entries = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
        self._cursor = entries[-1][0].decode()
        return True
