"""What a user asks for, in the words of ``Task.get_tasks``, read into a query of the store and the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from elsewhere.contract.edit import ARCHIVED
from elsewhere.contract.errors import UsageError
from elsewhere.contract.query import Query
from elsewhere.contract.status import Status
from elsewhere.finding.order import Order, read_order
from elsewhere.finding.similar import similar
from elsewhere.finding.words import Asked, for_indexes, read_words, texts
from elsewhere.names import project_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elsewhere.contract.task import TaskRecord

KEYS = (
    "id",
    "name",
    "order_by",
    "page",
    "page_size",
    "parent",
    "project",
    "search_text",
    "status",
    "system_tags",
    "tags",
    "type",
)
"""What a ``task_filter`` may hold."""
USUAL_PAGE = 500
"""Tasks on a page where somebody asks for a page and does not say how large."""


@dataclass(frozen=True)
class Wanted:
    """Which tasks are wanted, in which order, and how many of them."""

    query: Query
    """Its page is not to be looked at: ``limit`` and ``offset`` below say what is wanted."""
    order: Order
    tags: tuple[Asked, ...] = ()
    """Conditions on tags that the store's indexes know no way to."""
    system_tags: tuple[Asked, ...] = ()
    limit: int | None = None
    """Tasks at most; None is all."""
    offset: int = 0
    nothing: bool = False
    """Whether no task can fulfil it."""

    def fits(self, record: TaskRecord) -> bool:
        """Whether a task that the store has found fulfils the conditions that it does not know."""
        return all(asked.holds(record.tags) for asked in self.tags) and all(
            asked.holds(record.system_tags) for asked in self.system_tags
        )

    def without_archived(self) -> Wanted:
        """The same, but no archived tasks."""
        words = self.query.system_tags
        without = replace(words, none=tuple(dict.fromkeys((*words.none, ARCHIVED))))
        return replace(self, query=replace(self.query, system_tags=without))


def read_wanted(
    *,
    projects: object = None,
    name: str | None = None,
    exact_name: str | None = None,
    tags: object = None,
    allow_archived: bool = True,
    task_filter: Mapping[str, Any] | None = None,
) -> Wanted:
    """Read what is asked for; every condition must hold.

    Raises:
        UsageError: a part of it that makes no sense, or a key of the filter that there is not.
    """
    asked = {key: value for key, value in (task_filter or {}).items() if value is not None}
    for key in asked:
        if key not in KEYS:
            raise UsageError(f"task_filter: there is no key {key!r}", similar(str(key), KEYS, "Its keys are"))
    statuses, types = _statuses(asked.get("status")), _types(asked.get("type"))
    every_project = [*texts("project_name", projects), *texts("project", asked.get("project"))]
    tag_words, other_tags = for_indexes([read_words("tags", tags), read_words("tags", asked.get("tags"))])
    system = [read_words("system_tags", asked.get("system_tags"))]
    if not allow_archived:
        system.append(Asked(True, (), (ARCHIVED,)))
    system_words, other_system_tags = for_indexes(system)
    order = read_order(asked.get("order_by"))
    query = Query(
        ids=tuple(texts("id", asked.get("id"))),
        projects=tuple(project_of(name) for name in every_project),
        exact_name=exact_name,
        name=_name(name, asked),
        text=_text("search_text", asked),
        types=types[0] if types else (),
        not_types=types[1] if types else (),
        statuses=statuses or (),
        tags=tag_words,
        system_tags=system_words,
        parent=_text("parent", asked) or None,
        order_by=order.first,
    )
    limit, offset = _page(asked)
    no_project = not isinstance(projects, (str, type(None))) and not every_project
    nothing = statuses == () or types is None or no_project
    return Wanted(query, order, tuple(other_tags), tuple(other_system_tags), limit, offset, nothing)


def _statuses(value: object) -> tuple[Status, ...] | None:
    """The statuses that a condition holds for; None where all do, () where none does."""
    asked = read_words("status", value)
    named = {word for group in asked.groups for word in (*group.wanted, *group.unwanted)}
    for word in sorted(named.union(asked.never)):
        if word not in {status.value for status in Status}:
            raise UsageError(
                f"status: there is no status {word!r}",
                similar(word, [status.value for status in Status], "Statuses are"),
            )
    holding = tuple(status for status in Status if asked.holds((status.value,)))
    return None if len(holding) == len(Status) else holding


def _types(value: object) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Types that a condition holds for, or else those it does not hold for; None where it never holds."""
    asked = read_words("type", value)
    named = [word for group in asked.groups for word in (*group.wanted, *group.unwanted)]
    named = list(dict.fromkeys((*named, *asked.never)))
    holding = tuple(word for word in named if asked.holds((word,)))
    # Any other word may be a type, too.
    if asked.holds(()):
        return (), tuple(word for word in named if word not in holding)
    return (holding, ()) if holding else None


def _name(name: str | None, asked: Mapping[str, Any]) -> str:
    if name and "name" in asked:
        raise UsageError("task_name and task_filter's 'name' say the same thing", "Leave one of them out.")
    return name or _text("name", asked)


def _text(key: str, asked: Mapping[str, Any]) -> str:
    value = asked.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"task_filter: {key} must be a text, not {value!r:.80}", f'Write "{key}": "…".')
    return value


def _page(asked: Mapping[str, Any]) -> tuple[int | None, int]:
    if "page" not in asked and "page_size" not in asked:
        return None, 0
    size, page = _number("page_size", asked, USUAL_PAGE, 1), _number("page", asked, 0, 0)
    return size, size * page


def _number(key: str, asked: Mapping[str, Any], usual: int, least: int) -> int:
    value = asked.get(key, usual)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"task_filter: {key} must be a whole number from {least} on, not {value!r:.80}")
    return value
