"""Making tasks of tasks."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse
from elsewhere.names import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from elsewhere.task import Task


class Copying(Face):
    """How one task is made of another."""

    @classmethod
    def clone(
        cls,
        source_task: Task | str,
        name: str | None = None,
        comment: str | None = None,
        parent: Task | str | None = None,
        project: str | None = None,
    ) -> Task:
        """Make a draft of what a task runs with: its spec, parameters, configurations, type and tags.

        Args:
            source_task: A task, its id, or the first digits of it; it may stand anywhere.
            name: ``Clone Of NAME`` where it is left out.
            comment: The task's own where it is left out.
            parent: Which task it came of; left out, what the task itself came of, or else the task.
            project: Full name of the project to put it into; the task's own where it is left out.

        Raises:
            TaskNotFound: no task has that id.
            AmbiguousTask: several ids begin with these digits.
        """
        from elsewhere.face.handles import handle, id_of, store_of

        source_id, store = id_of(source_task), store_of(source_task)
        came_of = id_of(parent) if parent else store.get(source_id).parent or source_id
        record = store.clone(
            source_id,
            name=name or None,
            comment=comment,
            parent=came_of,
            project=checked("project", project or None),
        )
        return handle(record.id)

    def export_task(self) -> dict[str, Any]:
        """The task as a dict that JSON can hold: what it runs with, and what people said of it.

        ``schema`` is the version of the format. Status, log, series and other results are not in it,
        nor blobs (such as unpushed commits) of more than 16 MiB, which stay in this server.

        Raises:
            CorruptBlob: the server has lost a part of what the task runs.
        """
        from elsewhere.export import export

        return export(self._place)

    @classmethod
    def import_task(
        cls, task_data: Mapping[str, Any], target_task: Task | str | None = None, update: bool = False
    ) -> Task:
        """Make a draft of what ``export_task`` returned, or let it take the place of a task's own.

        Args:
            task_data: What was exported, changed or not.
            target_task: A task to overwrite, its id, or the first digits of it. Its id, status and
                terms stay; what it runs can be changed in a draft only.
            update: Merge ``task_data``, which may then be a part only, into what the task has.

        Returns:
            The draft, or the task that was overwritten.

        Raises:
            SchemaError: a field that cannot be read, or is missing; the message names it.
            IllegalMove: the task is no draft, and what it runs would change.
            CorruptBlob: what it runs is neither in the dict nor on this server.
            UsageError: the task to overwrite runs in this process; or ``update`` without one.
        """
        from elsewhere.export import create, merged, overwrite, read_export
        from elsewhere.face.handles import handle, id_of
        from elsewhere.face.stores import the_store

        if target_task is None:
            if update:
                raise misuse("update=True needs a task to update", "Give target_task.")
            return handle(create(the_store(), read_export(task_data)))
        target = handle(id_of(target_task)) if isinstance(target_task, str) else target_task
        if target._place.live:
            raise misuse(
                f"task {target.id} runs in this process and cannot be overwritten",
                "Leave target_task out: that makes another task.",
            )
        if update:
            task_data = merged(target.export_task(), task_data)
        overwrite(target._place.store(), target.id, read_export(task_data))
        return target

    def update_task(self, task_data: Mapping[str, Any]) -> bool:
        """Merge what ``export_task`` returned, or a part of it, into this task; returns True.

        Raises:
            SchemaError: a field that cannot be read; the message names it.
            IllegalMove: the task is no draft, and what it runs would change.
        """
        type(self).import_task(task_data, self, update=True)  # type: ignore[arg-type]
        return True
