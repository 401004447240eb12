"""One function of the script as a task of its own."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elsewhere.contract.task import TaskRecord
    from elsewhere.function import Call
    from elsewhere.store.protocol import Store
    from elsewhere.task import Task


class Functions(Face):
    """How a run makes tasks of its functions."""

    def create_function_task(
        self,
        func: Callable[..., object],
        func_name: str | None = None,
        task_name: str | None = None,
        **kwargs: Any,
    ) -> Task | None:
        """Make a draft that runs one function elsewhere, with these arguments.

        Elsewhere the script is run up to this very call, so that the function finds the same modules and
        globals; then it is called, and the process ends with exit code 0, or 1 where it raises. Its
        arguments are parameters of section ``Function``, and may be changed before the draft is
        enqueued: a changed value is fitted to the type of the one that is passed here.

        In that attempt the calls for other functions do nothing, and so does ``execute_remotely``. In
        an attempt of the whole script this gives the task that was made at the desk or by an
        earlier attempt, else makes one, where the agent lets attempts reach its server.

        Args:
            func: The function.
            func_name: A name that no other function of this run has; left out, the function's own.
            task_name: Of the draft; left out, ``TASK <FUNCTION>``.
            kwargs: The function's arguments, by name.

        Returns:
            The draft, whose parent is this task. None where nothing is made: in a worker process and
            any rank but the first, in another function's attempt, and in one without a server, which
            is said on stderr.

        Raises:
            UsageError: the task is not of this run, the name is taken, the function does not take these
                arguments, or one of them cannot be kept; the message names it.
            CaptureError: this run cannot be captured.
            ServerUnreachable: no server answers.
        """
        if not self._place.live:
            raise misuse(
                "a function's task can be made by the run itself alone: what runs is its own script",
                "Call it on the task that Task.init returns.",
            )
        from elsewhere.desk.started import has_script, is_worker
        from elsewhere.function import checked_call, claim, give_back

        call = checked_call(func, func_name, kwargs)
        if is_worker() or not getattr(self._place, "owned", True):
            return None
        record = self._record()
        # At a prompt lines are typed again; in an attempt all was said at the desk.
        unique = has_script() and not self._place.given
        if unique:
            claim(record.id, call.name)
        made = None
        try:
            made = self._function_task(record, call, task_name or f"{record.name} <{call.name}>")
        finally:
            if made is None and unique:
                give_back(record.id, call.name)
        if made is None:
            return None
        from elsewhere.stored import Stored
        from elsewhere.task import Task

        return Task(Stored(made[0], made[1].id))

    def _function_task(
        self, record: TaskRecord, call: Call, task_name: str
    ) -> tuple[Store, TaskRecord] | None:
        from elsewhere.function import child_of, fill, pass_over, run

        if self._place.given:
            wanted = record.spec.entry.function
            if wanted == call.name:
                run(self._place, record, call)
            if wanted:
                pass_over(wanted)
                return None
            return child_of(self._place, record, call, task_name)
        from elsewhere.desk import Desk
        from elsewhere.making import tell

        call.packed()  # before anything is captured: what cannot be kept makes no draft
        assert isinstance(self._place, Desk)  # noqa: S101 - what is live and given nothing is at a desk
        drafted = self._place.draft(copy=True)
        tell(drafted.notes)
        return drafted.store, fill(drafted.store, drafted.record, call, task_name)
