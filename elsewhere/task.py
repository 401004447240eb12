"""The task as a script sees it: a thin face, in front of a desk or of a running attempt."""

from __future__ import annotations

from elsewhere.bound import Bound, in_attempt

TYPE_CHECKING = False  # `typing` costs more to import than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from elsewhere.contract.status import Status
    from elsewhere.contract.task import JSONValue
    from elsewhere.desk import Desk

    Place: TypeAlias = Desk | Bound

SHORTEST_NAME = 3
"""Characters of a project's or task's name: shorter ones say nothing in a list."""

_current: Task | None = None


class Task:
    """One experiment: this run of this script. ``Task.init`` makes it, or finds it again."""

    def __init__(self, place: Place, task_type: str, tags: Sequence[str]) -> None:
        """Not for scripts, which call ``Task.init``."""
        self._place = place
        self.task_type = task_type
        self.tags = tuple(tags)

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
            _choose_parameters(auto_connect_arg_parser)
        if _current is None:
            place = Bound() if in_attempt() else _desk(project_name, task_name, bool(auto_connect_arg_parser))
            _current = cls(place, task_type, tags or ())
        elif not in_attempt():
            _current._require_same(project_name, task_name)
        return _current

    @classmethod
    def current_task(cls) -> Task | None:
        """The task that ``Task.init`` made or found in this process, if it was called."""
        return _current

    @property
    def id(self) -> str | None:
        """32 hexadecimal digits; None at a desk, where no store knows of the task."""
        return self._place.id

    @property
    def name(self) -> str:
        """The task's name."""
        return self._place.name

    @property
    def project(self) -> str:
        """The name of the project that the task belongs to."""
        return self._place.project

    @property
    def status(self) -> Status:
        """Where the task stands; its text compares equal too: ``task.status == "in_progress"``."""
        return self._place.status

    def get_parameters(self) -> dict[str, JSONValue]:
        """The task's typed parameters by ``Section/key``, such as ``{"Args/lr": 0.1}``."""
        return self._place.parameters()

    def set_base_docker(
        self, image: str, arguments: str | Sequence[str] | None = None, setup_script: str | None = None
    ) -> None:
        """Run elsewhere in this container image; to be called before ``execute_remotely``.

        In an attempt this does nothing.

        Args:
            image: Its name, such as ``python:3.12``; the agent's owner says which are allowed.
            arguments: Options of ``docker run``, as words or as one text, such as ``--shm-size 8g``.
            setup_script: Shell lines that are run once to prepare the image.

        Raises:
            UsageError: the name or the arguments cannot be understood.
        """
        self._place.set_base_docker(image, arguments, setup_script)

    def set_packages(
        self,
        origin: str = "",
        requirements_files: Sequence[str] = (),
        no_build_isolation: Sequence[str] = (),
    ) -> None:
        """Say where packages come from elsewhere; to be called before ``execute_remotely``.

        In an attempt this does nothing. Called again, it takes the place of the call before.

        Args:
            origin: ``recorded`` (what the script imports, as it is installed here), ``requirements``
                (files of the repository), ``lock`` (its lock file), ``existing:PATH`` (an environment
                on the agent's machine) or ``none``. Left out, the agent chooses.
            requirements_files: Which files ``requirements`` means; on their own they mean that.
            no_build_isolation: Packages that need the others, such as torch, when they are built.

        Raises:
            UsageError: there is no such origin, or it goes without files.
        """
        self._place.set_packages(origin, requirements_files, no_build_isolation)

    def execute_remotely(
        self, queue_name: str = "default", clone: bool = False, exit_process: bool = True
    ) -> Task:
        """Send this run elsewhere, and end this process at this line with exit code 0.

        At a desk, the state of the work (commit, uncommitted and untracked changes, unpushed
        commits, packages, arguments) is captured and put on the queue. What fails is said on
        stderr, and the process ends with the exit code of its cause; nothing is enqueued then.
        In an attempt, and in a worker process of ``multiprocessing``, this does nothing.

        Args:
            queue_name: The queue to put it on.
            clone: Send a copy; this run may go on as a task of its own.
            exit_process: False, which needs ``clone``, goes on with the script here.

        Raises:
            UsageError: ``exit_process=False`` without ``clone=True``: the one task would run twice.
        """
        if not clone and not exit_process:
            raise _misuse(
                "execute_remotely(clone=False, exit_process=False) would run one task in two places",
                "Pass clone=True to send a copy and go on here.",
            )
        self._place.execute_remotely(queue_name, clone=clone, exit_process=exit_process)
        return self

    def close(self) -> None:
        """End the task, not the process: the next ``Task.init`` at a desk makes another."""
        global _current
        self._place.close()
        if _current is self:
            _current = None

    def _require_same(self, project_name: str | None, task_name: str | None) -> None:
        for given, own in ((project_name, self.project), (task_name, self.name)):
            if given is not None and given != own:
                raise _misuse(
                    f"task {self.name!r} of project {self.project!r} is current already",
                    "Close it first (`task.close()`), or leave the names out to get it again.",
                )


def _require_length(what: str, name: str | None) -> None:
    if name is not None and len(name.strip()) < SHORTEST_NAME:
        raise _misuse(
            f"the {what} name {name!r} is too short", f"Give a name of at least {SHORTEST_NAME} characters."
        )


def _misuse(what: str, next_step: str) -> Exception:
    from elsewhere.contract.errors import UsageError

    return UsageError(what, next_step)


def _desk(project: str | None, name: str | None, records: bool) -> Desk:
    from elsewhere.desk import Desk

    return Desk(project, name, records=records)


def _choose_parameters(choice: bool | Mapping[str, bool]) -> None:
    from elsewhere.parameters import ledger

    ledger.choose(choice)
