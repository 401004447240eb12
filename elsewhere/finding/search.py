"""From what is wanted to the tasks that are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elsewhere.contract.task import TaskRecord
    from elsewhere.finding.wanted import Wanted
    from elsewhere.store.protocol import Store

ALL = 2**31
"""More tasks than any store has."""
WINDOW = 1000
"""Tasks that are read at once, where each must be looked at."""


def find_ids(store: Store, wanted: Wanted) -> list[str]:
    """Ids of the tasks that are wanted, in order: all of them, or the page that is wanted.

    Raises:
        UsageError: a pattern that is no regular expression, or takes too long.
    """
    if wanted.nothing:
        return []
    limit = ALL if wanted.limit is None else wanted.limit
    if not (wanted.tags or wanted.system_tags or wanted.order.keys):
        return list(store.query(replace(wanted.query, limit=limit, offset=wanted.offset)).ids)
    ids = store.query(replace(wanted.query, limit=ALL, offset=0)).ids
    end = wanted.offset + limit
    found: list[TaskRecord] = []
    for record in _read(store, ids):
        if wanted.fits(record):
            found.append(record)
            if not wanted.order.keys and len(found) == end:
                break
    return [record.id for record in wanted.order.sorted(found)[wanted.offset : end]]


def find_records(store: Store, wanted: Wanted) -> list[TaskRecord]:
    """The tasks themselves, as ``find_ids`` finds them; one that is deleted meanwhile is left out."""
    return list(_read(store, find_ids(store, wanted)))


def find_one(store: Store, wanted: Wanted) -> str | None:
    """The first task that is wanted, archived ones only where there is no other; None where none is."""
    for archived in (False, True):
        first = replace(wanted, limit=1, offset=0)
        if not archived:
            first = first.without_archived()
        found = find_ids(store, first)
        if found:
            return found[0]
    return None


def _read(store: Store, ids: list[str] | tuple[str, ...]) -> Iterator[TaskRecord]:
    for start in range(0, len(ids), WINDOW):
        yield from store.records(ids[start : start + WINDOW])
