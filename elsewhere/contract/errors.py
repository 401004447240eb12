"""One error class for each cause, with its exit code and the next thing to do.

Exit codes are stable: scripts may rely on them. 1 is left for an error of ours
that nobody foresaw, 2 for a wrong command line, as everywhere.
"""

from __future__ import annotations

from typing import ClassVar


class ElsewhereError(Exception):
    """Base of every error that Elsewhere raises on purpose.

    Args:
        what: what happened, and to what, in one sentence.
        next_step: the next thing to do; the class's own one where it is left out.
    """

    exit_code: ClassVar[int] = 1
    default_next_step: ClassVar[str] = ""

    def __init__(self, what: str, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = self.default_next_step if next_step is None else next_step

    def __str__(self) -> str:
        return f"{self.what}\n{self.next_step}" if self.next_step else self.what


class UsageError(ElsewhereError):
    """An argument or option that makes no sense."""

    exit_code = 2


class ConfigurationError(ElsewhereError):
    """A setting that is missing, wrong or contradicts another."""

    exit_code = 2


class ServerUnreachable(ElsewhereError):
    """No server answers at the URL; the URL in the message never holds a password."""

    exit_code = 3
    default_next_step = (
        "Start one (`redis-server`, or `pip install 'elsewhere[embedded]'` and leave "
        "ELSEWHERE_REDIS_URL unset), or point ELSEWHERE_REDIS_URL at the right one."
    )


class ServerUnfit(ElsewhereError):
    """The server answers, but is too old, read-only or out of memory."""

    exit_code = 3


class TaskNotFound(ElsewhereError):
    """No task has that id, or that prefix of one."""

    exit_code = 4
    default_next_step = "`agent list` shows the tasks that are there."


class AmbiguousTask(ElsewhereError):
    """More than one task's id begins with that prefix."""

    exit_code = 4
    default_next_step = "Give more digits of the id."


class AgentNotFound(ElsewhereError):
    """No agent of that name is alive."""

    exit_code = 4
    default_next_step = "`agent workers` shows those that are."


class IllegalMove(ElsewhereError):
    """The task is in a status from which that move is not legal."""

    exit_code = 5


class LateWrite(ElsewhereError):
    """A write of an attempt that does not own its task any more."""

    exit_code = 6
    default_next_step = "Nothing to do: a newer attempt owns the task, and this one must end."


class SchemaError(ElsewhereError):
    """Stored data that this version cannot read; the message names the field."""

    exit_code = 7
    default_next_step = "Use the same version of Elsewhere on both sides."


class CorruptBlob(ElsewhereError):
    """Bytes that are missing, or that do not have the hash they are kept under."""

    exit_code = 7
    default_next_step = "Submit the task again from the desk it came from."


class SessionRefused(ElsewhereError):
    """An offline session that cannot be imported: damaged, unsafe, or none at all; nothing was imported."""

    exit_code = 7


class CaptureError(ElsewhereError):
    """The run cannot be captured at the desk; nothing was enqueued."""

    exit_code = 8


class ScriptMissing(CaptureError):
    """The script is not there."""


class UntrackedTooLarge(CaptureError):
    """The untracked files are larger, all in all, than the limit."""


class BundleTooLarge(CaptureError):
    """The commits that no remote has are larger, bundled, than the limit."""


class WorkspaceError(ElsewhereError):
    """The tree of files cannot be rebuilt."""

    exit_code = 9


class CommitNotFound(WorkspaceError):
    """No place that the agent can reach has the commit."""

    default_next_step = "Push the commit, or submit again: unpushed commits travel with the task."


class DiffRejected(WorkspaceError):
    """The uncommitted diff does not apply to the commit; the message names file and hunk."""

    default_next_step = "Submit again from the tree that the diff was made in."


class UnsafeSource(WorkspaceError):
    """A diff or file list that would write outside the tree, or change git's own files."""


class BuildError(ElsewhereError):
    """The environment cannot be built."""

    exit_code = 10


class PackageNotFound(BuildError):
    """No index has the package, or not in that version."""

    default_next_step = "Correct the requirement, or give the agent the index that has it."


class PythonNotFound(BuildError):
    """No interpreter of the asked version is on this machine; the message lists those that are."""


class LaunchError(ElsewhereError):
    """The rebuilt command cannot be started."""

    exit_code = 11


class EngineUnavailable(LaunchError):
    """No container engine answers on this machine, or it does not let this user in."""

    default_next_step = "Start Docker or Podman's socket, or point DOCKER_HOST at the engine's Unix socket."


class ImageUnavailable(LaunchError):
    """The container image is not in the engine and cannot be pulled."""


class DiskFull(ElsewhereError):
    """No space is left where a file had to be written; the message names the path."""

    exit_code = 12
    default_next_step = "Free some space there, or move ELSEWHERE_HOME to a larger disk."


class ParameterError(ElsewhereError):
    """A parameter that nobody declared, or a value that its type refuses."""

    exit_code = 13


class MissingDependency(ElsewhereError):
    """A part of Elsewhere is used whose optional dependencies are not installed."""

    exit_code = 14


class RelayClosed(ElsewhereError):
    """The supervisor of this attempt does not answer on its socket."""

    exit_code = 15


class TaskFailed(ElsewhereError, RuntimeError):
    """The task that was waited for has come to a status that its waiter called a failure."""

    exit_code = 16


class WaitTimedOut(ElsewhereError, TimeoutError):
    """The task that was waited for has not come to any of those statuses in time."""

    exit_code = 17
