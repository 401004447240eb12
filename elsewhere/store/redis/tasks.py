"""Tasks on a server: made, found, waited for, copied, deleted."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, cast

from elsewhere.contract import keys
from elsewhere.contract.query import Page, Query
from elsewhere.contract.status import Status
from elsewhere.contract.task import (
    NewTask,
    TaskRecord,
)
from elsewhere.store import identity
from elsewhere.store.edit_rules import checked_id
from elsewhere.store.redis import editing, search, waiting
from elsewhere.store.redis.connection import answering
from elsewhere.store.redis.editing import flat
from elsewhere.store.redis.record import new_fields, pairs, read_record
from elsewhere.store.redis.served import Served
from elsewhere.store.refusal import not_found
from elsewhere.store.script import Script

CREATE = Script(__file__, "create.lua")
LOOK_SECONDS = 60.0
"""How long queries rely on the indexes before they look whether an older version moved something."""


class Tasks(Served):
    """See ``Store`` for what each method promises."""

    def create(
        self, new: NewTask, *, submission: str | None = None, task_id: str | None = None
    ) -> TaskRecord:
        """Make a draft, once for each ``submission`` key and each id."""
        task_id = identity.new_id() if task_id is None else checked_id(task_id)
        touched = [keys.task(task_id)] + ([keys.submission(submission)] if submission else [])
        made, fields = CREATE.run(self.connection, touched, [task_id, *flat(new_fields(new))])
        return read_record(made.decode(), pairs(fields))

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id."""
        with answering(self.connection):
            stored = self.connection.hgetall(keys.task(task_id))
        if not stored:
            raise not_found(task_id)
        return read_record(task_id, cast("dict[bytes, bytes]", stored))

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``."""
        return identity.resolve(prefix, self._beginning_with)

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first."""
        if status is None:
            with answering(self.connection):
                ids = self.connection.zrevrange(keys.TASKS, offset, offset + limit - 1) if limit > 0 else []
            return self.records(_texts(ids))
        page = self.query(Query(statuses=(status,), order_by="-created", limit=limit, offset=offset))
        return [task for task in self.records(page.ids) if task.status is status]

    def records(self, ids: Sequence[str]) -> list[TaskRecord]:
        """The tasks with these ids that are there."""
        found: list[TaskRecord] = []
        for start in range(0, len(ids), search.WINDOW):
            window = ids[start : start + search.WINDOW]
            with answering(self.connection):
                pipeline = self.connection.pipeline(transaction=False)
                for task_id in window:
                    pipeline.hgetall(keys.task(task_id))
                hashes = pipeline.execute()
            found += [read_record(one, stored) for one, stored in zip(window, hashes, strict=True) if stored]
        return found

    def query(self, query: Query) -> Page:
        """The page that a query asks for."""
        if search.index_missing(self.connection) or time.monotonic() > self._look_again:
            search.index_moved(self.connection)
            self._look_again = time.monotonic() + LOOK_SECONDS
        return search.find(self.connection, query)

    def wait_for_status(
        self, task_id: str, statuses: Collection[Status], timeout: float | None = None
    ) -> TaskRecord:
        """The task once it stands in one of ``statuses``."""
        return waiting.wait_for_status(self.connection, task_id, statuses, timeout, self.get)

    def clone(
        self,
        task_id: str,
        *,
        name: str | None = None,
        comment: str | None = None,
        parent: str | None = None,
        project: str | None = None,
    ) -> TaskRecord:
        """Make a draft of what the task runs with."""
        fields = {"name": name, "comment": comment, "parent": parent or task_id, "project": project}
        return editing.clone_task(
            self.connection, task_id, {k: v for k, v in fields.items() if v is not None}
        )

    def delete(self, task_id: str, *, force: bool = False) -> None:
        """Delete the task and all that is kept of it."""
        editing.delete_task(self.connection, task_id, force)

    def _beginning_with(self, prefix: str, limit: int) -> list[str]:
        with answering(self.connection):
            # "g" sorts after every hexadecimal digit.
            ids = self.connection.zrangebylex(keys.TASK_IDS, f"[{prefix}", f"({prefix}g", 0, limit)
        return _texts(ids)


def _texts(members: Sequence[Any]) -> list[str]:
    return [member.decode() for member in members]
