"""The tasks that this process runs, the newest last."""

from __future__ import annotations

import os

from elsewhere import abort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.desk.desk import Desk
    from elsewhere.simulated import Simulated

_open: list[Desk | Simulated] = []
_held: list[Desk | Simulated] = []


def opened() -> list[Desk | Simulated]:
    """The open desks whose status this very process is to say: none in a forked child of theirs,
    in a worker of ``multiprocessing``, or in a rank of a launcher that is not the first.
    """
    return [desk for desk in _open if desk.owned]


def all_opened() -> list[Desk | Simulated]:
    """These, and those that this process only writes to."""
    return list(_open)


def enter(desk: Desk | Simulated) -> None:
    """A desk has opened."""
    _open.append(desk)


def leave(desk: Desk | Simulated) -> None:
    """A desk has closed, or its run goes on elsewhere. Safe to repeat."""
    abort.call_back(desk, None)
    if desk in _open:
        _open.remove(desk)


def _before_fork() -> None:
    _held[:] = _open
    for desk in _held:
        desk.hold()


def _after_in_parent() -> None:
    for desk in reversed(_held):
        desk.release()
    _held.clear()


def _after_in_child() -> None:
    for desk in _held:
        desk.after_fork()
    _held.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
