"""Sending a run elsewhere."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.task import Task


class Sending(Face):
    """How a run leaves the desk, and how one is tried at a desk that runs elsewhere."""

    @classmethod
    def debug_simulate_remote_task(cls, task_id: str, reset_task: bool = False) -> None:
        """Let the next ``Task.init`` of this process open a task as if an agent ran it.

        What the task holds is laid over what the script says: its parameters over those of the
        command line, whose parser must be called after this, and over what is connected; its
        configurations over those here. It is in progress then, and ends with this process; what the
        script reports is its own. But the script runs as it stands here, with the packages that are
        here. In an attempt this does nothing.

        Args:
            task_id: The task, by its id or the beginning of it.
            reset_task: Make it a draft first. Its log and results are lost.

        Raises:
            IllegalMove: it is no draft, and ``reset_task`` is False or cannot make it one.
            TaskNotFound: there is no such task.
            ServerUnreachable: nothing answers.
        """
        from elsewhere.bound import in_attempt

        if in_attempt():
            return
        from elsewhere.desk.started import is_worker
        from elsewhere.face.stores import the_store
        from elsewhere.simulated import simulate

        store = the_store()
        simulate(store, store.resolve(task_id), reset=reset_task, worker=is_worker())

    def execute_remotely(
        self,
        queue_name: str | None = "default",
        clone: bool = False,
        exit_process: bool = True,
        follow: bool = False,
        wait: bool = False,
    ) -> Task:
        """Send this run elsewhere, and end this process at this line with exit code 0.

        At a desk, the state of the work (commit, uncommitted and untracked changes, unpushed
        commits, packages, arguments) is captured and put on the queue, under this task's own id.
        What fails is said on stderr, and the process ends with the exit code of its cause; nothing
        is enqueued then. In an attempt, and in a worker process of ``multiprocessing``, this does
        nothing; of the ranks of a launcher such as torchrun the first one sends, and all end.

        At a prompt or in a notebook, the run is a script of what was typed, or of the cells that
        have run, the one with this call included to its end: what follows the call is done
        elsewhere. What ends here is that cell alone.

        Args:
            queue_name: The queue to put it on. None leaves a draft that nothing runs until it is
                enqueued.
            clone: Send a copy, a task of its own; this run may go on as the task that it is.
            exit_process: False, which needs ``clone``, goes on with the script here.
            follow: Stream the log to stdout until the run has ended, and then end this process with
                the run's exit code (128 + N for signal N, and 1 where it has none and did not complete).
                Ctrl-C leaves the run alone, and says how to stop it.
            wait: Wait until the run has ended, and return its task instead of ending this process.
                That it failed is no exception: ``status`` tells.

        Returns:
            The task that was sent, which with ``wait`` has ended. In an attempt, this one.

        Raises:
            UsageError: ``exit_process=False`` without ``clone=True``: the one task would run twice;
                ``follow`` or ``wait`` without a queue; or a task that does not run in this process.
        """
        if not clone and not exit_process:
            raise misuse(
                "execute_remotely(clone=False, exit_process=False) would run one task in two places",
                "Pass clone=True to send a copy and go on here.",
            )
        if queue_name is None and (follow or wait):
            raise misuse("a draft never ends: there is nothing to follow or to wait for", "Name a queue.")
        if not self._place.live:
            raise misuse(
                "only the task of this very run can be sent from here",
                "Task.enqueue(task, queue_name=...) puts another one on a queue.",
            )
        if self._place.given:
            return self  # type: ignore[return-value]
        from elsewhere.desk import Desk
        from elsewhere.desk.started import is_worker

        if isinstance(self._place, Desk) and not is_worker():
            from elsewhere.desk.sending import send

            sent = send(
                self._place, queue_name, copy=clone, exit_process=exit_process, follow=follow, wait=wait
            )
            if sent is not None:
                return sent
        return self  # type: ignore[return-value]
