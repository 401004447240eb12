"""Opening and closing the task of this run."""

from __future__ import annotations

import sys

from elsewhere.bound import Bound, in_attempt
from elsewhere.face.face import Face, misuse
from elsewhere.face.identity import words
from elsewhere.names import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from elsewhere.place import Place
    from elsewhere.task import Task

_open: list[Task] = []


def opened() -> list[Task]:
    """The tasks that ``Task.init`` opened in this process and nobody closed, the newest last."""
    return list(_open)


class Opening(Face):
    """How a script comes to its task."""

    _first_names: tuple[str | None, str | None] = (None, None)

    @classmethod
    def init(
        cls,
        project_name: str | None = None,
        task_name: str | None = None,
        task_type: str = "training",
        tags: Sequence[str] | None = None,
        reuse_last_task_id: bool | str = True,
        continue_last_task: bool | str | int | None = False,
        output_uri: str | bool | None = None,
        auto_connect_arg_parser: bool | Mapping[str, bool] = True,
        auto_connect_frameworks: bool | Mapping[str, object] = True,
        auto_resource_monitoring: bool | Mapping[str, object] = True,
        auto_connect_streams: bool | Mapping[str, bool] = True,
    ) -> Task:
        """The task of this run.

        In an attempt this is the task that the agent runs, whatever the arguments say, in every
        process of it. At a desk it is put into the store while the script goes on: this call
        waits for no network, captures nothing itself, and a server that is away hinders nothing.

        Called again with the same names, or none, it is the current task again. With other names
        a second task is opened in this process: each handle reports to its own, what is captured
        by itself goes to the newest open one, and ``close()`` hands it back.

        Workers of ``multiprocessing`` and forked children report to the task of the process that
        started them; the ranks of a launcher such as torchrun have one task. Only the first
        process says how it ended.

        Args:
            project_name: Left out, the repository's name. Sub-projects are parted by ``/``.
            task_name: Left out, the script's name without its suffix.
            task_type: What kind of run this is, in a word.
            tags: Words to find the run by.
            reuse_last_task_id: True begins the task of the last run of these names and type on this
                machine anew, where nobody misses it: it has ended within 72 hours (setting
                ``reuse_hours``) and before this process began, was never enqueued, is neither published
                nor archived, and has no artifacts or models. Its id stays; what it held is gone. False
                makes a new task. An id begins that very task anew.
            continue_last_task: True goes on with the task of the last run, an id with that one: its log,
                series and all else stay, and iterations go on behind the last one. A number goes on
                with the last one, too, and iterations begin there.
            output_uri: Where artifacts and models will be kept; taken, and without effect yet.
            auto_connect_arg_parser: False neither records what the parsers made of the command
                line nor, in an attempt, overrides it from here on. A dict says so for each
                parameter: ``{"secret": False}`` leaves one out, ``{"lr": True, "*": False}``
                takes one only; an empty one is False.
            auto_connect_frameworks: Which frameworks report by themselves; taken, and without effect yet.
            auto_resource_monitoring: Whether the machine's load is reported; taken, and without effect yet.
            auto_connect_streams: Which streams are kept as the log; taken, and without effect yet.

        Raises:
            UsageError: a name shorter than 3 characters, a type or tags that are no texts, or a task to
                continue that makes no sense.
        """
        project_name, task_name = checked("project", project_name), checked("task", task_name)
        continues, offset = _continuing(continue_last_task)
        if not isinstance(task_type or "", str):
            raise misuse(f"task_type={task_type!r:.40} is no text", "Write a word, such as `training`.")
        asked_tags = words(tags or ())
        _open[:] = [task for task in _open if not task._place.drafted]
        known = _known(project_name, task_name)
        # Left out in a call for the task in hand, it takes nothing back.
        if auto_connect_arg_parser is not True or (
            known is None and "elsewhere.parameters.ledger" in sys.modules
        ):
            from elsewhere.parameters import ledger

            ledger.choose(auto_connect_arg_parser)
        if known is not None:
            return known
        from elsewhere.task import Task

        if in_attempt() and not _open:
            task = Task(Bound())
        elif (simulated := _simulated(project_name, task_name)) is not None:
            task = Task(simulated)
        else:
            from elsewhere.desk import Desk
            from elsewhere.desk.options import Options

            task = Task(
                Desk(
                    project_name,
                    task_name,
                    task_type or "training",
                    asked_tags,
                    options=Options(
                        output_uri,
                        auto_connect_arg_parser,
                        auto_connect_frameworks,
                        auto_resource_monitoring,
                        auto_connect_streams,
                    ),
                    reuse=reuse_last_task_id,
                    continues=continues,
                    initial_iteration=offset,
                )
            )
        task._first_names = (project_name, task_name)
        _open.append(task)
        return task

    @classmethod
    def current_task(cls) -> Task | None:
        """The newest task that ``Task.init`` opened in this process and nobody closed; None without one."""
        running = [task for task in _open if not task._place.drafted]
        return running[-1] if running else None

    def close(self) -> None:
        """End the task, not the process: as completed, unless it has ended otherwise.

        The task that was opened before it is current again. In an attempt, the supervisor says how the
        attempt's own task has ended, when the process ends.
        """
        self._close(None)

    def __enter__(self) -> Task:
        return self  # type: ignore[return-value]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    def get_initial_iteration(self) -> int:
        """Where the iterations of this run begin: 0, or behind the last one of a task that goes on."""
        return self._place.initial_iteration

    def set_initial_iteration(self, offset: int = 0) -> int:
        """Let the iterations of this run begin at ``offset``, and return it.

        Raises:
            UsageError: it is no whole number from 0 on.
        """
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise misuse(f"iterations cannot begin at {offset!r:.40}", "Give a whole number from 0 on.")
        self._place.initial_iteration = offset
        return offset

    def get_last_iteration(self) -> int:
        """The largest iteration that the task's series hold; where this run begins, if they hold none.

        Raises:
            ServerUnreachable: nothing answers.
        """
        from elsewhere.contract.errors import UsageError

        try:
            series = self._place.store().series(self._place.id)
        except UsageError:  # an attempt that was given no server
            series = []
        return max((one.last.iteration for one in series), default=self.get_initial_iteration())

    def _close(self, error: BaseException | None) -> None:
        self._place.close(error)
        _open[:] = [task for task in _open if task is not self]

    def _is_named(self, project_name: str | None, task_name: str | None) -> bool:
        """Whether ``Task.init`` with these names means this task."""
        asked = (project_name, task_name)
        if asked == (None, None):
            return True
        if isinstance(self._place, Bound):
            record = self._record()
            own = (self._first_names[0] or record.project, self._first_names[1] or record.name)
        else:
            own = self._place.asked  # type: ignore[attr-defined]
        return all(given in (None, named) for given, named in zip(asked, own, strict=True))


def _known(project_name: str | None, task_name: str | None) -> Task | None:
    """The open task that these names mean, the newest first."""
    return next((task for task in reversed(_open) if task._is_named(project_name, task_name)), None)


def _simulated(project_name: str | None, task_name: str | None) -> Place | None:
    """The task that was asked to run here as in its attempt, if there is one."""
    if "elsewhere.simulated" not in sys.modules:
        return None
    from elsewhere.simulated import opening

    return opening(project_name, task_name)


def _continuing(asked: bool | str | int | None) -> tuple[bool | str, int | None]:
    """Whether a task goes on, or which one; and where its iterations begin, if that was said."""
    if asked is None:
        return False, None
    if isinstance(asked, (bool, str)):
        if asked == "":
            raise misuse("continue_last_task is an empty text", "Give a task's id, True, False or a number.")
        return asked, None
    if not isinstance(asked, int) or asked < 0:
        raise misuse(
            f"continue_last_task={asked!r:.40} makes no sense",
            "Give a task's id, True, False, or the iteration to go on from.",
        )
    return True, asked
