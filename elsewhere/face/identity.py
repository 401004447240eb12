"""What a task is: id, name, project, type, tags, comment, parent."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse
from elsewhere.names import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from elsewhere.contract.status import Status
    from elsewhere.task import Task


class TaskTypes(str):
    """Words for what kind of run a task is; any other word is as good: ``TaskTypes("pruning")``."""

    __slots__ = ()

    training = "training"
    testing = "testing"
    inference = "inference"
    data_processing = "data_processing"
    application = "application"
    monitor = "monitor"
    controller = "controller"
    optimizer = "optimizer"
    service = "service"
    qc = "qc"
    custom = "custom"


class Identity(Face):
    """What a task is. Each of these can be changed at any status, and takes no part in what runs."""

    TaskTypes = TaskTypes

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
        """The task's name; a new one may be assigned."""
        return self._record().name

    @name.setter
    def name(self, name: str) -> None:
        self.set_name(name)

    def set_name(self, name: str) -> None:
        """Give the task another name.

        Raises:
            UsageError: it is empty.
        """
        self._edit(name=str(name))

    def rename(self, new_name: str) -> bool:
        """Give the task another name, and return True.

        Raises:
            UsageError: it is empty.
        """
        self.set_name(new_name)
        return True

    @property
    def project(self) -> str:
        """The full name of the project that the task belongs to."""
        return self._record().project

    def get_project_name(self) -> str:
        """The same as ``project``."""
        return self.project

    def set_project(self, project_id: str | None = None, project_name: str | None = None) -> None:
        """Say which project this run belongs to; in its attempt nothing: where the task was put counts.

        Args:
            project_id: The same as ``project_name``: a project's full name is its id.
            project_name: Its full name, such as ``vision/digits``; it need not be there yet.

        Raises:
            UsageError: neither is given.
        """
        if not self._place.given:
            self._edit(project=_project(project_id, project_name))

    def move_to_project(self, new_project_id: str | None = None, new_project_name: str | None = None) -> bool:
        """Put the task into another project, and return True.

        Args:
            new_project_id: The same as ``new_project_name``: a project's full name is its id.
            new_project_name: Its full name, such as ``vision/digits``; it need not be there yet.

        Raises:
            UsageError: neither is given.
        """
        self._edit(project=_project(new_project_id, new_project_name))
        return True

    @property
    def task_type(self) -> str:
        """What kind of run this is, in a word, such as ``training``."""
        return self._record().type

    def get_task_type(self) -> str:
        """The same as ``task_type``."""
        return self.task_type

    def set_task_type(self, task_type: str) -> None:
        """Say what kind of run this is, in a word: one of ``Task.TaskTypes``, or any other.

        Raises:
            UsageError: it is empty.
        """
        self._edit(type=str(getattr(task_type, "value", task_type)))

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find the task by."""
        return self._record().tags

    def get_tags(self) -> list[str]:
        """Words to find the task by."""
        return list(self.tags)

    def add_tags(self, tags: str | Iterable[str]) -> None:
        """Add a tag, or several; those that others add at the same time stay, too."""
        self._edit(add_tags=words(tags))

    def remove_tags(self, tags: str | Iterable[str]) -> None:
        """Take a tag away, or several; those that the task does not have are passed over."""
        self._edit(remove_tags=words(tags))

    def set_tags(self, tags: str | Iterable[str]) -> None:
        """Let these tags take the place of all that the task has."""
        self._edit(tags=words(tags))

    @property
    def comment(self) -> str:
        """A text about the task; "" where nobody wrote one. A new one may be assigned."""
        return self._record().comment

    @comment.setter
    def comment(self, comment: str) -> None:
        self.set_comment(comment)

    def set_comment(self, comment: str | None) -> None:
        """Let a text about the task take the place of the one that it has; None is none."""
        self._edit(comment="" if comment is None else str(comment))

    @property
    def parent(self) -> str | None:
        """Id of the task that this one came of, such as the one it is a clone of; None where of none."""
        return self._record().parent

    def set_parent(self, parent: Task | str | None) -> None:
        """Say which task this one came of. It is not waited for.

        Args:
            parent: A task, its id, or the first digits of it; None for none.

        Raises:
            TaskNotFound: no task has that id.
            AmbiguousTask: several ids begin with these digits.
            UsageError: it is the task itself; or another one, in an attempt that has no way to others
                and was not given its whole id.
        """
        if not parent:
            self._edit(parent="")
            return
        parent_id = _parent(parent)
        if parent_id == self.id:
            raise misuse(f"task {parent_id} cannot be its own parent", "Give another task, or None for none.")
        self._edit(parent=parent_id)

    @property
    def status(self) -> Status:
        """Where the task stands; its text compares equal too: ``task.status == "in_progress"``."""
        return self._record().status

    def _edit(self, **changes: Any) -> None:
        from elsewhere.contract.edit import Edit
        from elsewhere.contract.write import Edited

        self._place.write(Edited(Edit(**changes)))

    def __repr__(self) -> str:
        return f"<Task {self._place.id}>"


def _project(project_id: str | None, project_name: str | None) -> str:
    name = project_name or project_id
    if not name:
        raise misuse("no project is named", "Give its full name as the project's name.")
    return checked("project", name) or name


def words(tags: str | Iterable[str]) -> tuple[str, ...]:
    """The tags that were given; a text is one.

    Raises:
        UsageError: they are none.
    """
    if not hasattr(tags, "__iter__"):
        raise misuse(f"tags must be texts, not {tags!r:.80}", 'Write tags=["…", "…"].')
    words = (tags,) if isinstance(tags, str) else tuple(tags)
    for word in words:
        if not isinstance(word, str) or not word:
            raise misuse(f"a tag must be a text, not {word!r:.80}", 'Write tags=["…", "…"].')
    return words


def _parent(parent: Task | str) -> str:
    from elsewhere.bound import in_attempt
    from elsewhere.face.handles import id_of

    if isinstance(parent, str) and len(parent) == 32 and in_attempt():
        from elsewhere.store.edit_rules import checked_id

        # An attempt may know no other task than its own; it need not, to write down an id.
        return checked_id(parent)
    return id_of(parent)
