"""Tasks in memory: made, found, waited for, copied, deleted."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from elsewhere.contract.codec import decode, decode_parameters, encode, encode_parameters
from elsewhere.contract.query import Page, Query
from elsewhere.contract.spec import TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import (
    NewTask,
    TaskRecord,
)
from elsewhere.contract.terms import Terms
from elsewhere.store import identity
from elsewhere.store.edit_rules import (
    checked_id,
    merged,
    stored_info,
    stored_properties,
    undeletable,
)
from elsewhere.store.memory.held import Held
from elsewhere.store.memory.shelf import Shelf
from elsewhere.store.query_rules import selected
from elsewhere.store.terms_rules import check_terms


class Tasks(Held):
    """See ``Store`` for what each method promises."""

    def create(
        self, new: NewTask, *, submission: str | None = None, task_id: str | None = None
    ) -> TaskRecord:
        """Make a draft, once for each ``submission`` key and each id."""
        check_terms(new.terms)
        now = time.time()
        task = TaskRecord(
            id=identity.new_id() if task_id is None else checked_id(task_id),
            project=new.project,
            name=new.name,
            status=Status.CREATED,
            # There and back, so that what cannot be stored is refused here as well.
            spec=decode(TaskSpec, encode(new.spec)),
            parameters=decode_parameters(encode_parameters(new.parameters)),
            overrides=tuple(new.overrides),
            terms=decode(Terms, encode(new.terms)),
            type=new.type,
            tags=merged(new.tags),
            system_tags=merged(new.system_tags),
            comment=new.comment,
            parent=new.parent or None,
            properties=stored_properties(new.properties),
            parameter_info=stored_info(new.parameter_info),
            created=now,
            updated=now,
        )
        with self._changed:
            made = self._submissions.get(submission, task.id) if submission else task.id
            if made not in self._moves.shelves:
                made = task.id  # it may have been deleted since
            if submission:
                self._submissions[submission] = made
            if made not in self._moves.shelves:
                self._moves.shelves[task.id] = Shelf(task)
                self._moves.shelves[task.id].record("created")
            return self._moves.shelves[made].task

    def get(self, task_id: str) -> TaskRecord:
        """The task with exactly that id."""
        with self._changed:
            return self._moves.shelf(task_id).task

    def resolve(self, prefix: str) -> str:
        """The full id of the one task whose id begins with ``prefix``."""
        return identity.resolve(prefix, self._beginning_with)

    def newest(self, limit: int = 50, offset: int = 0, status: Status | None = None) -> list[TaskRecord]:
        """Tasks, the newest first."""
        with self._changed:
            tasks = [shelf.task for shelf in reversed(self._moves.shelves.values())]
        return [task for task in tasks if status in (None, task.status)][offset : offset + limit]

    def records(self, ids: Sequence[str]) -> list[TaskRecord]:
        """The tasks with these ids that are there."""
        with self._changed:
            shelves = self._moves.shelves
            return [shelves[task_id].task for task_id in ids if task_id in shelves]

    def query(self, query: Query) -> Page:
        """The page that a query asks for."""
        with self._changed:
            tasks = [shelf.task for shelf in self._moves.shelves.values()]
        return selected(tasks, query)

    def wait_for_status(
        self, task_id: str, statuses: Collection[Status], timeout: float | None = None
    ) -> TaskRecord:
        """The task once it stands in one of ``statuses``."""
        with self._changed:
            self._changed.wait_for(lambda: self._moves.shelf(task_id).task.status in statuses, timeout)
            return self._moves.shelf(task_id).task

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
        with self._changed:
            shelf = self._moves.shelf(task_id).cloned(identity.new_id())
            given = {"name": name, "comment": comment, "parent": parent or None, "project": project}
            shelf.change(**{field: text for field, text in given.items() if text is not None})
            self._moves.shelves[shelf.task.id] = shelf
            shelf.record("created", f"clone of {task_id}")
            return shelf.task

    def delete(self, task_id: str, *, force: bool = False) -> None:
        """Delete the task and all that is kept of it."""
        with self._changed:
            shelf = self._moves.shelf(task_id)
            if shelf.task.status in (Status.IN_PROGRESS, Status.PUBLISHED) and not force:
                raise undeletable(task_id, shelf.task.status.value)
            self._moves.delete(shelf)

    def _beginning_with(self, prefix: str, limit: int) -> list[str]:
        with self._changed:
            return sorted(task_id for task_id in self._moves.shelves if task_id.startswith(prefix))[:limit]
