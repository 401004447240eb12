"""What every store holds of queries: which make sense, what a record fulfils, how patterns are bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from elsewhere.contract.errors import MissingDependency, UsageError
from elsewhere.contract.query import Page, Query, Words
from elsewhere.contract.status import Status
from elsewhere.contract.task import TaskRecord

PATTERN_SECONDS = 5.0
"""How long all searching of one query's patterns may take."""

ORDERS = ("created", "updated", "name")


def check_query(query: Query) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: it does not; the message names it.
    """
    if query.order_by.removeprefix("-") not in ORDERS:
        raise UsageError(f"tasks cannot be ordered by {query.order_by!r}", f"Use one of {', '.join(ORDERS)}.")
    if query.limit < 0 or query.offset < 0:
        raise UsageError(f"there is no page of {query.limit} tasks from number {query.offset} on")


def wanted_statuses(query: Query) -> tuple[Status, ...] | None:
    """The statuses that fulfil a query; None where all do."""
    if not query.statuses and not query.not_statuses:
        return None
    chosen = query.statuses or tuple(Status)
    return tuple(status for status in dict.fromkeys(chosen) if status not in query.not_statuses)


def wanted_projects(query: Query) -> tuple[str, ...]:
    """Names of the projects that fulfil a query; none where all do."""
    first = () if query.project is None else (query.project,)
    return tuple(dict.fromkeys((*first, *query.projects)))


def matches(record: TaskRecord, query: Query) -> bool:
    """Whether a record fulfils all conditions but the patterns."""
    statuses = wanted_statuses(query)
    return (
        (not query.ids or record.id in query.ids)
        and _stands_in(record.project, wanted_projects(query), query.subprojects)
        and (statuses is None or record.status in statuses)
        and (not query.types or record.type in query.types)
        and record.type not in query.not_types
        and _holds(record.tags, query.tags)
        and _holds(record.system_tags, query.system_tags)
        and (query.parent is None or record.parent == query.parent)
    )


def sort_key(record: TaskRecord, order_by: str) -> tuple[Any, str]:
    """What tasks are ordered by."""
    order = order_by.removeprefix("-")
    if order == "name":
        return (f"{record.name}\0{record.id}", "")
    return (record.created if order == "created" else record.updated, record.id)


def selected(records: Iterable[TaskRecord], query: Query) -> Page:
    """The page that a query asks for, by a look at every record.

    Raises:
        UsageError: the query makes no sense, or its patterns take too long.
    """
    check_query(query)
    patterns = Patterns(query)
    found = [task for task in records if matches(task, query) and patterns.match(task.name, task.comment)]
    found.sort(key=lambda task: sort_key(task, query.order_by), reverse=query.order_by.startswith("-"))
    end = query.offset + query.limit
    return Page(tuple(task.id for task in found[query.offset : end]), len(found) > end)


class Patterns:
    """What one query asks of names and comments, with the time that is left to search by expressions.

    Raises:
        UsageError: one of them is no regular expression.
    """

    def __init__(self, query: Query, seconds: float = PATTERN_SECONDS) -> None:
        self._left = seconds
        self._exact = query.exact_name
        self._name = _compiled(query.name)
        self._text = _compiled(query.text)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._exact is not None or self._name is not None or self._text is not None

    def match(self, name: str, comment: str) -> bool:
        """Whether a task with this name and comment fulfils them.

        Raises:
            UsageError: the searching took too long, all in all.
        """
        if self._exact is not None and name != self._exact:
            return False
        if self._name is not None and not self._search(self._name, name):
            return False
        return self._text is None or self._search(self._text, name) or self._search(self._text, comment)

    def _search(self, search: Callable[..., Any], text: str) -> bool:
        if self._left <= 0:
            raise _too_slow()
        begun = time.perf_counter()
        try:
            return search(text, timeout=self._left) is not None
        except TimeoutError:
            raise _too_slow() from None
        finally:
            self._left -= time.perf_counter() - begun


def _compiled(pattern: str) -> Callable[..., Any] | None:
    if not pattern:
        return None
    # Not `re`: one that backtracks for ever could not be interrupted. Here, since few queries have a pattern.
    try:
        import regex
    except ModuleNotFoundError as error:  # an attempt has the packages of its task, not ours
        raise MissingDependency(
            "regular expressions need the package `regex`, which is not installed here",
            "Add it to the packages of the task, or ask without a pattern.",
        ) from error
    try:
        compiled: Any = regex.compile(pattern)  # type: ignore[no-untyped-call]
        search: Callable[..., Any] = compiled.search
    except (regex.error, RecursionError, OverflowError) as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from error
    return search


def _too_slow() -> UsageError:
    return UsageError(
        "searching for the query's regular expressions takes too long",
        "Simplify them (nested repetitions such as (a+)+ are slow), or narrow the query otherwise.",
    )


def _stands_in(project: str, wanted: tuple[str, ...], subprojects: bool) -> bool:
    below = subprojects and project.startswith(tuple(f"{one}/" for one in wanted))
    return not wanted or project in wanted or below


def _holds(words: tuple[str, ...], wanted: Words) -> bool:
    there = set(words)
    return (
        there.issuperset(wanted.all)
        and (not wanted.any or not there.isdisjoint(wanted.any))
        and there.isdisjoint(wanted.none)
    )
