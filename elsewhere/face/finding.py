"""Finding other tasks."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from elsewhere.task import Task

ID_DIGITS = 32
"""Of a whole id."""


class Finding(Face):
    """How other tasks are found."""

    @classmethod
    def get_task(
        cls,
        task_id: str | None = None,
        project_name: str | None = None,
        task_name: str | None = None,
        tags: Sequence[str] | str | None = None,
        allow_archived: bool = True,
        task_filter: Mapping[str, Any] | None = None,
    ) -> Task | None:
        """One task: by its id, or the last modified of those that fulfil everything else.

        A task that is archived is given only where no other fulfils it.

        Args:
            task_id: Its id, or the first digits of it; then all else is passed over.
            project_name: The full name of its project.
            task_name: Its full name.
            tags: As for ``get_tasks``.
            allow_archived: False finds no archived tasks.
            task_filter: As for ``get_tasks``; its ``order_by`` says which one is taken.

        Returns:
            None where no task fulfils it.

        Raises:
            TaskNotFound: no task has that id.
            AmbiguousTask: several ids begin with these digits.
            UsageError: a condition that makes no sense, or none at all.
        """
        from elsewhere.face.handles import handle, id_of

        if task_id:
            return handle(id_of(task_id))
        if not (project_name or task_name or tags or task_filter):
            raise misuse(
                "get_task was not told which task", "Give task_id, or project_name and task_name, or tags."
            )
        from elsewhere.face.stores import the_store
        from elsewhere.finding.search import find_one
        from elsewhere.finding.wanted import read_wanted

        wanted = read_wanted(
            projects=project_name or None,
            exact_name=task_name or None,
            tags=tags,
            allow_archived=allow_archived,
            task_filter=_whole(task_filter),
        )
        found = find_one(the_store(), wanted)
        return None if found is None else handle(found)

    @classmethod
    def get_tasks(
        cls,
        task_ids: Sequence[str] | str | None = None,
        project_name: Sequence[str] | str | None = None,
        task_name: str | None = None,
        tags: Sequence[str] | str | None = None,
        allow_archived: bool = True,
        task_filter: Mapping[str, Any] | None = None,
    ) -> list[Task]:
        """All tasks that fulfil every condition, however many; the last modified comes first.

        Lists of words (``tags``, and ``tags``, ``system_tags``, ``status`` and ``type`` of
        ``task_filter``) ask for one of their words; ``-WORD`` excludes one in any case. An operator
        holds for the words up to the next one: ``__$all`` (or ``__$and``) asks for every word,
        ``__$any`` (or ``__$or``) for one, and ``__$not`` negates the next word. The first operator,
        or ``__$or`` where a word stands before it, also joins the groups. So
        ``["__$all", "a", "b", "__$or", "c", "__$not", "d"]`` is a and b and (c or not d).

        Args:
            task_ids: Ids, or their first digits; then all else is passed over, and the tasks are
                given in that order.
            project_name: Full name of their project, or several; sub-projects are not meant.
            task_name: Regular expression that is searched for in the name.
            tags: Words of their tags.
            allow_archived: False finds no archived tasks.
            task_filter: A dict of further conditions: ``status``, ``type``, ``tags`` and
                ``system_tags`` (words, as above), ``search_text`` (regular expression, searched for
                in name and comment), ``parent`` and ``id`` (a task or its id, whose first digits
                do), ``name`` and ``project`` (as the arguments); of the order, ``order_by``
                (``last_update``, ``created``, ``name``, ``started``, ``completed``, ``status``,
                ``type``, ``project``, ``comment`` or ``progress``, with a minus the largest first;
                or a list of such); and of one page, ``page`` (from 0) and ``page_size`` (500 where
                only ``page`` is given).

        Raises:
            TaskNotFound: no task has one of the ids.
            AmbiguousTask: several ids begin with the digits of one of them.
            UsageError: a condition that makes no sense; the message names it.
        """
        from elsewhere.face.handles import handles, id_of

        if task_ids is not None:
            from elsewhere.finding.words import texts

            return handles([id_of(one) for one in texts("task_ids", task_ids)])
        from elsewhere.face.stores import the_store
        from elsewhere.finding.search import find_ids
        from elsewhere.finding.wanted import read_wanted

        wanted = read_wanted(
            projects=project_name,
            name=task_name,
            tags=tags,
            allow_archived=allow_archived,
            task_filter=_whole(task_filter),
        )
        return handles(find_ids(the_store(), wanted))

    @classmethod
    def query_tasks(
        cls,
        project_name: Sequence[str] | str | None = None,
        task_name: str | None = None,
        tags: Sequence[str] | str | None = None,
        additional_return_fields: Sequence[str] | str | None = None,
        task_filter: Mapping[str, Any] | None = None,
    ) -> list[str] | list[dict[str, Any]]:
        """Ids of all tasks that fulfil every condition, or some of their fields.

        Args:
            project_name: As for ``get_tasks``.
            task_name: As for ``get_tasks``.
            tags: As for ``get_tasks``.
            additional_return_fields: Names of fields, such as ``name``, ``status``, ``last_update``
                or ``script.repository``: then each task is a dict of these and ``id``, where what is
                absent is None. Times are seconds since the epoch.
            task_filter: As for ``get_tasks``.

        Raises:
            UsageError: a condition that makes no sense, or a field that no task has.
        """
        from elsewhere.face.stores import the_store
        from elsewhere.finding.search import find_ids, find_records
        from elsewhere.finding.wanted import read_wanted
        from elsewhere.finding.words import texts

        names = texts("additional_return_fields", additional_return_fields)
        wanted = read_wanted(
            projects=project_name, name=task_name, tags=tags, task_filter=_whole(task_filter)
        )
        if not names:
            return find_ids(the_store(), wanted)
        from elsewhere.finding.returned import check_names, read_fields

        check_names(names)
        return [read_fields(record, names) for record in find_records(the_store(), wanted)]


def _whole(task_filter: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The filter with whole ids, where tasks or the first digits of ids were given."""
    from elsewhere.face.handles import id_of

    def whole(value: Any) -> Any:
        known = not value or (isinstance(value, str) and len(value) == ID_DIGITS)
        return value if known else id_of(value)

    filled = dict(task_filter or {})
    if "parent" in filled:
        filled["parent"] = whole(filled["parent"])
    if filled.get("id"):
        ids = filled["id"]
        filled["id"] = [whole(one) for one in (ids if isinstance(ids, (list, tuple, set)) else (ids,))]
    return filled
