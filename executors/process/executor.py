"""Starts a command as a child process, in a session of its own."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from elsewhere.contract.errors import LaunchError
from elsewhere.contract.terms import Limits
from executors.contract import Launch
from executors.process.cgroup import Hold
from executors.process.evidence import collect
from executors.process.gate import pass_gate
from executors.process.mark import mark_of
from executors.process.running import ProcessRunning
from executors.process.signals import default_signals
from executors.process.subreaper import become_subreaper

_PIPE_BYTES: Final = 1024 * 1024
"""So that a script that prints in bursts does not wait for its reader."""


class ProcessExecutor:
    """Runs commands as child processes of the caller.

    A command gets a new session and process group, nothing to read on stdin, one pipe for
    stdout and stderr, no other descriptor, default signal dispositions, and exactly the given
    environment. The calling process becomes the subreaper of what it launches, so that nobody
    in the tree escapes its end. The tree also ends when the calling process dies.

    Launches that run side by side in one process are told apart by session and by mark
    (``ELSEWHERE_TASK_ID`` and ``ELSEWHERE_ATTEMPT`` in their environments). Limits are held
    by cgroups, which only a command with limits gets.
    """

    name = "process"

    def available(self) -> str | None:
        """None on any POSIX system."""
        return None if os.name == "posix" else "processes are launched on POSIX systems only"

    def start(self, launch: Launch) -> ProcessRunning:
        """Start the command.

        Raises:
            LaunchError: it cannot be started; the message names the program or folder and the cause.
        """
        adopted = become_subreaper()
        with ExitStack() as undo:  # whatever goes wrong, an interrupt say: nothing is left behind
            hold = None if launch.limits == Limits() else Hold(launch.limits)
            if hold is not None:
                undo.callback(hold.clear)
            output, written = os.pipe()
            undo.callback(os.close, output)
            evidence = collect(hold)
            if evidence is not None:
                undo.callback(evidence.close)
            try:
                _widen(written)
                process = _spawn(launch, written, hold)
            finally:
                os.close(written)
            undo.callback(_kill, process)
            mark = mark_of(launch.environment)
            running = ProcessRunning(process, output, mark, adopted=adopted, hold=hold, evidence=evidence)
            undo.pop_all()
            return running


def _spawn(launch: Launch, written: int, hold: Hold | None) -> subprocess.Popen[bytes]:
    if not launch.argv:
        raise LaunchError("there is no command to start: its argument list is empty")

    def start(
        argv: Sequence[str], environment: Mapping[str, str], handed_down: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        # Without a preexec_fn, subprocess uses vfork: the start does not grow with our memory.
        with default_signals():
            return subprocess.Popen(
                argv,
                cwd=launch.working_directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                close_fds=True,
                pass_fds=handed_down,
            )

    environment = dict(launch.environment)
    try:
        if hold is None or not hold.folders:
            return start(launch.argv, environment)
        return pass_gate(start, launch.argv, environment, hold.folders, hold.lose)
    except (OSError, ValueError) as error:
        raise _failure(launch, error) from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _widen(pipe: int) -> None:
    # Refused where a user's pipes already hold what the system allows: the default size will do.
    with suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _failure(launch: Launch, error: OSError | ValueError) -> LaunchError:
    program = launch.argv[0]
    if not isinstance(error, OSError):
        return LaunchError(f"{program} cannot be started: {error}")
    folder = launch.working_directory
    if error.filename == folder or error.filename == str(folder):
        return LaunchError(f"the working directory {folder} cannot be entered: {error.strerror}")
    if error.errno == errno.ENOENT and (folder / program).is_file() and "/" in program:
        return LaunchError(
            f"{program} cannot be started: the interpreter named in its first line is missing",
            f"Correct the first line of {Path(program).name}, or install that interpreter.",
        )
    if error.errno == errno.ENOENT:
        return LaunchError(f"the program {program} is missing", "Install it, or correct its name or PATH.")
    if error.errno == errno.EACCES:
        return LaunchError(
            f"the program {program} may not be executed: {error.strerror}",
            f"Make it executable: chmod +x {Path(program).name}",
        )
    return LaunchError(f"{program} cannot be started: {error.strerror}")
