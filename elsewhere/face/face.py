"""What all parts of a task's face share: the place that stands behind it."""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from elsewhere.contract.errors import UsageError
    from elsewhere.contract.task import TaskRecord
    from elsewhere.place import Place


class Face:
    """A task, of whichever kind."""

    def __init__(self, place: Place) -> None:
        """Not for scripts, which call ``Task.init``, ``Task.get_task`` or ``Task.create``."""
        self._place = place

    def _record(self) -> TaskRecord:
        return self._place.record()


def misuse(what: str, next_step: str) -> UsageError:
    """The error for a call that makes no sense, imported when there is one."""
    from elsewhere.contract.errors import UsageError

    return UsageError(what, next_step)
