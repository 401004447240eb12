"""Opening and closing the task of this run."""

from __future__ import annotations

from elsewhere.bound import Bound, in_attempt
from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elsewhere.task import Task

SHORTEST_NAME = 3
"""Characters of a project's or task's name: shorter ones say nothing in a list."""

_current: Task | None = None


class Opening(Face):
    """How a script comes to its task."""

    @classmethod
    def init(
        cls,
        project_name: str | None = None,
        task_name: str | None = None,
        task_type: str = "training",
        tags: Sequence[str] | None = None,
        auto_connect_arg_parser: bool | Mapping[str, bool] = True,
    ) -> Task:
        """The task of this run.

        In an attempt this is the task that the agent runs, whatever the arguments say, in
        every process of it. At a desk it is a new one, and the current one again when called
        again; it costs no network call and captures nothing: a run at a desk that never calls
        ``execute_remotely`` is, in this version, kept in memory only and stored nowhere.
        The same holds for ``task_type`` and ``tags``.

        Args:
            project_name: Left out, the repository's name.
            task_name: Left out, the script's name without its suffix.
            task_type: What kind of run this is, in a word.
            tags: Words to find the run by.
            auto_connect_arg_parser: False neither records what the parsers made of the command
                line nor, in an attempt, overrides it from here on. A dict says so for each
                parameter: ``{"secret": False}`` leaves one out, ``{"lr": True, "*": False}``
                takes one only; an empty one is False.

        Raises:
            UsageError: a name shorter than 3 characters, or another task is current.
        """
        global _current
        _require_length("project", project_name)
        _require_length("task", task_name)
        if auto_connect_arg_parser is not True:
            from elsewhere.parameters import ledger

            ledger.choose(auto_connect_arg_parser)
        current = _current
        if current is None:
            from elsewhere.task import Task

            if in_attempt():
                current = Task(Bound())
            else:
                from elsewhere.desk import Desk

                current = Task(
                    Desk(
                        project_name, task_name, task_type, tags or (), records=bool(auto_connect_arg_parser)
                    )
                )
            _current = current
        elif not in_attempt():
            current._require_same(project_name, task_name)
        return current

    @classmethod
    def current_task(cls) -> Task | None:
        """The task that ``Task.init`` made or found in this process, if it was called."""
        return _current

    def close(self) -> None:
        """End the task, not the process: the next ``Task.init`` at a desk makes another."""
        global _current
        close = getattr(self._place, "close", None)
        if close is not None:
            close()
        if _current is self:
            _current = None

    def _require_same(self, project_name: str | None, task_name: str | None) -> None:
        record = self._record()
        for given, own in ((project_name, record.project), (task_name, record.name)):
            if given is not None and given != own:
                raise misuse(
                    f"task {record.name!r} of project {record.project!r} is current already",
                    "Close it first (`task.close()`), or leave the names out to get it again.",
                )


def _require_length(what: str, name: str | None) -> None:
    if name is not None and len(name.strip()) < SHORTEST_NAME:
        raise misuse(
            f"the {what} name {name!r} is too short", f"Give a name of at least {SHORTEST_NAME} characters."
        )
