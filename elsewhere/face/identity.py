"""What a task is: id, name, project, type, tags, comment, parent."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.contract.status import Status


class Identity(Face):
    """What a task is."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self._place.id

    @property
    def task_id(self) -> str:
        """The same as ``id``."""
        return self._place.id

    @property
    def name(self) -> str:
        """The task's name."""
        return self._record().name

    @property
    def project(self) -> str:
        """The name of the project that the task belongs to."""
        return self._record().project

    @property
    def task_type(self) -> str:
        """What kind of run this is, in a word."""
        return self._record().type

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find the task by."""
        return self._record().tags

    @property
    def status(self) -> Status:
        """Where the task stands; its text compares equal too: ``task.status == "in_progress"``."""
        return self._record().status

    def __repr__(self) -> str:
        return f"<Task {self._place.id}>"
