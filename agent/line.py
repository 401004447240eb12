"""An attempt's line to the server: everything it says there carries its lease.

Three connections, so that a large log neither delays a renewal nor a question of the
script: one for the log, one for the heartbeat, and the store's own for the rest.
"""

from __future__ import annotations

from elsewhere.contract.events import EventKind
from elsewhere.contract.lease import Lease, Renewal
from elsewhere.contract.outcome import Outcome
from elsewhere.contract.status import Status
from elsewhere.contract.task import LogKind
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import ControlBell, commit, renew


class AgentLine:
    """The fenced writes of one attempt. Every method raises ``LateWrite`` once it is over."""

    def __init__(self, redis_url: str, lease: Lease, heartbeat_seconds: float) -> None:
        self._connection = connect(redis_url)
        self.store = RedisStore(self._connection)
        self._lease = lease
        self._log = RedisStore(redis_url)
        self._heart = connect(redis_url)
        self._bell = ControlBell(self._heart, lease.task_id, heartbeat_seconds)

    def append_log(self, sequence: int, data: bytes, kind: LogKind) -> None:
        """Append a chunk to the task's log."""
        self._log.append_log(self._lease.task_id, self._lease.attempt, sequence, data, kind)

    def record_event(self, kind: EventKind, detail: str) -> None:
        """Append to the task's events."""
        self.store.record_event(self._lease.task_id, kind, detail, attempt=self._lease.attempt)

    def renew(self) -> Renewal:
        """Renew the lease."""
        return renew(self._heart, self._lease)

    def wait_for_control(self, seconds: float) -> None:
        """Wait until somebody asks something of the attempt, ``seconds`` at most."""
        self._bell.wait(seconds)

    def commit(self, outcome: Outcome) -> Status:
        """End the task with ``outcome``."""
        return commit(self._connection, self._lease, outcome)
