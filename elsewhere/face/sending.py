"""Sending a run elsewhere."""

from __future__ import annotations

from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elsewhere.desk.desk import Desk, Drafted
    from elsewhere.task import Task


class Sending(Face):
    """How a run leaves the desk."""

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
            raise misuse(
                "execute_remotely(clone=False, exit_process=False) would run one task in two places",
                "Pass clone=True to send a copy and go on here.",
            )
        from elsewhere.desk import Desk
        from elsewhere.desk.started import is_worker

        if isinstance(self._place, Desk) and not is_worker():
            _send(self._place, queue_name, exit_process=exit_process)
        return self  # type: ignore[return-value]


def _send(desk: Desk, queue: str, *, exit_process: bool) -> None:
    import sys

    from elsewhere.contract.errors import ElsewhereError
    from elsewhere.exit import fail, leave

    sys.stdout.flush()
    try:
        drafted = desk.draft()
        drafted.store.enqueue(drafted.record.id, queue)
        _tell(drafted, queue)
    except ElsewhereError as error:
        fail(error)
    sys.stdout.flush()
    if exit_process:
        leave(0)


def _tell(drafted: Drafted, queue: str) -> None:
    import sys

    task_id = drafted.record.id
    lines = [*drafted.notes, f"task {task_id} is queued on {queue!r}"]
    lines.append(f"follow it with 'agent logs -f {task_id[:8]}'")
    if not drafted.store.serving(queue):
        lines.append(f"no agent serves queue {queue!r} yet: start one with 'agent daemon --queue {queue}'")
    sys.stdout.write("".join(f"elsewhere: {line}\n" for line in lines))
