"""Which tasks are asked for: every condition must hold; an empty one holds for all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from elsewhere.contract.status import Status

OrderBy = Literal["created", "-created", "updated", "-updated", "name", "-name"]
"""The order of what is found; with a minus, the largest first. Names are compared by code points;
tasks that are equal in it stand by their ids."""


@dataclass(frozen=True)
class Words:
    """A condition on a set of words, such as a task's tags."""

    all: tuple[str, ...] = ()
    """Every one of these is there."""
    any: tuple[str, ...] = ()
    """One of these is there; empty asks for none."""
    none: tuple[str, ...] = ()
    """None of these is there."""


@dataclass(frozen=True)
class Query:
    """Conditions on tasks, and the page of them that is wanted.

    Pages in the order of ``created`` stay put while tasks change; those by ``updated`` or
    ``name`` shift when a task moves from one into another between two calls.
    """

    ids: tuple[str, ...] = ()
    project: str | None = None
    """Full name; tasks of its sub-projects (``PROJECT/…``) are found, too, with ``subprojects``."""
    projects: tuple[str, ...] = ()
    """Further such names: a task of any of them, or of ``project``, is found."""
    subprojects: bool = False
    exact_name: str | None = None
    """The name itself, whole."""
    name: str = ""
    """Regular expression that is searched for in the name."""
    text: str = ""
    """Regular expression that is searched for in name and comment."""
    statuses: tuple[Status, ...] = ()
    not_statuses: tuple[Status, ...] = ()
    types: tuple[str, ...] = ()
    not_types: tuple[str, ...] = ()
    tags: Words = field(default_factory=Words)
    system_tags: Words = field(default_factory=Words)
    """``archived`` is one of them: leave archived tasks out by ``Words(none=("archived",))``."""
    parent: str | None = None
    order_by: OrderBy = "-updated"
    limit: int = 50
    """Tasks on a page; as many as are wanted."""
    offset: int = 0


@dataclass(frozen=True)
class Page:
    """What a query found."""

    ids: tuple[str, ...]
    more: bool
    """Whether further tasks follow on the next page."""
