"""The order that found tasks are wanted in: one of the store's own, or one that is made afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from elsewhere.contract.errors import UsageError
from elsewhere.finding.similar import similar
from elsewhere.finding.words import texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from elsewhere.contract.query import OrderBy
    from elsewhere.contract.task import TaskRecord

FIELDS = {
    "created": "created",
    "updated": "updated",
    "last_update": "updated",
    "name": "name",
    "started": "started",
    "ended": "ended",
    "completed": "ended",
    "status": "status",
    "type": "type",
    "project": "project",
    "comment": "comment",
    "progress": "progress",
}
"""Names by which tasks may be ordered, ClearML's among them, and the fields of a record."""
OF_THE_STORE = ("created", "updated", "name")
USUAL = "-last_update"


@dataclass(frozen=True)
class Order:
    """In which order tasks are wanted."""

    first: OrderBy
    """What the store orders them by."""
    keys: tuple[tuple[str, bool], ...]
    """Fields to order them by after that, the most important first, and whether the largest comes first."""

    def sorted(self, records: list[TaskRecord]) -> list[TaskRecord]:
        """The records in this order; those that have no value come before all that have one."""
        for field, largest_first in reversed(self.keys):
            records = sorted(records, key=_key(field), reverse=largest_first)
        return records


def read_order(value: object) -> Order:
    """The order that a name, or a list of names, stands for; ``-NAME`` puts the largest first.

    Raises:
        UsageError: tasks have no such order.
    """
    names = texts("order_by", value) or [USUAL]
    keys = []
    for name in names:
        field = FIELDS.get(name.removeprefix("-"))
        if field is None:
            raise UsageError(
                f"tasks cannot be ordered by {name!r}",
                similar(name.removeprefix("-"), FIELDS, "Order them by"),
            )
        keys.append((field, name.startswith("-")))
    field, largest_first = keys[0]
    if field in OF_THE_STORE:
        first = cast("OrderBy", f"{'-' if largest_first else ''}{field}")
        return Order(first, tuple(keys) if len(keys) > 1 else ())
    return Order("-updated", tuple(keys))


def _key(field: str) -> Callable[[TaskRecord], Any]:
    read = attrgetter(field)

    def key(record: TaskRecord) -> tuple[bool, Any]:
        value = read(record)
        return (value is not None, value if value is not None else 0)

    return key
