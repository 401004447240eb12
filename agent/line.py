"""An attempt's line to the server: everything it says there carries its lease.

Three connections, so that a large log neither delays a renewal nor a question of the
script: one for the log, one for the heartbeat, and the store's own for the rest.
"""

from __future__ import annotations

import json

from agent.config import AttemptConfig
from agent.journal import Entry
from elsewhere.contract.built import Built
from elsewhere.contract.codec import decode, decode_parameters
from elsewhere.contract.lease import Lease, Renewal
from elsewhere.contract.outcome import Outcome
from elsewhere.contract.series import decode_scalars
from elsewhere.contract.status import Status
from elsewhere.contract.write import decode_write
from elsewhere.store.deliver import deliver
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from queueing import ControlBell, commit, renew


class AgentLine:
    """The fenced writes of one attempt. Every method raises ``LateWrite`` once it is over."""

    def __init__(self, config: AttemptConfig, lease: Lease) -> None:
        self._connection = connect(config.redis_url)
        self.store = RedisStore(self._connection)
        self._lease = lease
        self._log = RedisStore(config.redis_url, log_cap=config.log_cap)
        self._heart = connect(config.redis_url)
        self._bell = ControlBell(self._heart, lease.task_id, config.heartbeat_seconds)

    def deliver(self, entry: Entry, skipped: int) -> None:
        """Bring an entry of the journal to the store, after ``skipped`` numbers that were given up."""
        task, attempt, number = self._lease.task_id, self._lease.attempt, entry.sequence
        if entry.kind == "write":
            deliver(self._log, task, decode_write(entry.data), attempt=attempt, sequence=number)
        elif entry.kind == "event":  # of a supervisor from before there were writes
            kind, detail = json.loads(entry.data)
            self._log.record_event(task, kind, detail, attempt=attempt, sequence=number)
        elif entry.kind == "parameters":  # likewise
            parameters = decode_parameters(entry.data)
            self._log.set_parameters(task, parameters, attempt=attempt, sequence=number)
        elif entry.kind == "built":
            self._log.set_built(task, decode(Built, entry.data), attempt=attempt, sequence=number)
        elif entry.kind == "scalars":
            self._log.add_scalars(task, decode_scalars(entry.data), attempt=attempt, sequence=number)
        else:
            self._log.append_log(task, attempt, number, entry.data, entry.kind, skipped=skipped)

    def renew(self) -> Renewal:
        """Renew the lease."""
        return renew(self._heart, self._lease)

    def wait_for_control(self, seconds: float) -> None:
        """Wait until somebody asks something of the attempt, ``seconds`` at most."""
        self._bell.wait(seconds)

    def commit(self, outcome: Outcome) -> Status:
        """End the task with ``outcome``."""
        return commit(self._connection, self._lease, outcome)
