"""What all parts of the store on a server share: the connection, and the caps."""

from __future__ import annotations

import redis

from elsewhere.store.log_rules import CAP_BYTES
from elsewhere.store.redis.connection import connect
from elsewhere.store.series import rules


class Served:
    """A server, and how much is held there of a task."""

    def __init__(
        self,
        server: str | redis.Redis,
        *,
        log_cap: int = CAP_BYTES,
        series_cap: int = rules.CAP_BYTES,
        most_series: int = rules.MOST_SERIES,
    ) -> None:
        self._owned = isinstance(server, str)
        self.connection: redis.Redis = connect(server) if isinstance(server, str) else server
        self._log_cap = log_cap
        self._series_cap = series_cap
        self._most_series = most_series
        self._look_again = 0.0
