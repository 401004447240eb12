"""Runs without a server, and their way into the store."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


class Offline(Face):
    """Runs at a desk that has no server."""

    @staticmethod
    def set_offline(offline_mode: bool = True) -> None:
        """Keep the runs that begin from here on in a folder, or not; ``ELSEWHERE_OFFLINE=1`` does it, too.

        Such a run makes no network call, and calls that need other tasks raise UsageError. All that it
        writes is kept in a folder, which is packed when it has ended: a line on stdout names the archive,
        and ``agent import`` brings it into the store. ``ELSEWHERE_OFFLINE_FOLDER`` says in which folder
        archives are kept. Processes that this one starts are offline, too. In an attempt this does nothing.

        Args:
            offline_mode: False lets them go to the store, whatever ``ELSEWHERE_OFFLINE`` says.

        Raises:
            UsageError: a task is open here already, and it was to be kept elsewhere.
        """
        from elsewhere.bound import in_attempt
        from elsewhere.offline import mode
        from elsewhere.task import Task

        if in_attempt() or bool(offline_mode) == mode.is_offline():
            return
        if Task.current_task() is not None:
            raise misuse(
                "set_offline was called after Task.init: that run is on its way already",
                "Call it before Task.init, or close the task first (`task.close()`).",
            )
        mode.choose(bool(offline_mode))

    @staticmethod
    def is_offline() -> bool:
        """Whether runs that begin here are kept in a folder; in an attempt they are not."""
        from elsewhere.bound import in_attempt
        from elsewhere.offline import mode

        return not in_attempt() and mode.is_offline()

    @staticmethod
    def import_offline_session(
        session_folder_zip: str | os.PathLike[str],
        previous_task_id: str | None = None,
        iteration_offset: int = 0,
    ) -> str:
        """Bring a run that was kept in a folder into the store, and return the task's id.

        The task has the id that it had at the desk. An import that was interrupted is gone on with when
        it is called again, and makes no duplicates; a session that was imported before changes nothing
        any more. A run that was killed comes as far as it got, as ``stopped``.

        Args:
            session_folder_zip: The archive that the run named, or the folder of one that was killed.
                Archives that hold anything that a session does not are refused as a whole.
            previous_task_id: Id of a task that has ended, or of a draft, which the run goes on with
                then: its parameters, tags and the rest are merged into that task.
            iteration_offset: What is added to the steps of its series.

        Raises:
            SessionRefused: it is damaged, unsafe or no session at all; nothing was imported.
            IllegalMove: the task is queued, is run by somebody else, or is published.
            TaskNotFound: there is no task ``previous_task_id``.
            ServerUnreachable: no server answers; import it again.
        """
        from pathlib import Path

        from elsewhere.face.stores import the_store
        from elsewhere.offline.arrival import import_session

        store = the_store(even_offline=True)
        into = None if previous_task_id is None else store.resolve(previous_task_id)
        return import_session(store, Path(session_folder_zip), into=into, iteration_offset=iteration_offset)
