"""Which part this process has in its run, and how the processes of one run find their task.

The first process makes a folder for the run and says there which task it is. Who else is of the
run looks there: workers of ``multiprocessing``, which run the script's top level again, find the
folder by a variable; the ranks of a launcher such as torchrun by their common parent.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from elsewhere.desk import process
from elsewhere.desk.started import is_worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIABLE = "ELSEWHERE_DESK_RUN"
"""Mark of the run, for workers that its processes start."""

_kept: list[Callable[[], None]] = []

WAIT_SECONDS = 60.0
"""How long a process waits for the first one to say which task it is."""
LOOK_SECONDS = 0.05


def is_first() -> bool:
    """Whether this process begins and ends its run's tasks."""
    if is_worker():
        return VARIABLE not in os.environ
    return os.environ.get("RANK", "0") == "0" or not launched()


def launched() -> bool:
    """Whether a launcher of several processes, such as torchrun, started this one."""
    known = "LOCAL_RANK" in os.environ or "TORCHELASTIC_RUN_ID" in os.environ
    return known and os.environ.get("RANK", "").isdigit()


class Meeting:
    """Where the processes of one run meet. Nothing here raises: a run that cannot meet goes on alone."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    @property
    def folder(self) -> Path:
        """Where they do."""
        return meetings() / self.mark

    def expect(self, project: str | None, name: str | None) -> None:
        """Say that a task of these names is being opened."""
        with suppress(OSError, ModuleNotFoundError):
            clear_away()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file(project, name).write_text("")

    def announce(self, project: str | None, name: str | None, task_id: str) -> None:
        """Say which task it is."""
        with suppress(OSError, ModuleNotFoundError):
            path = self._file(project, name)
            draft = path.with_suffix(".draft")
            draft.write_text(task_id)
            draft.replace(path)

    def wait(self, project: str | None, name: str | None, seconds: float = WAIT_SECONDS) -> str:
        """The id of the task of these names, or else of the newest one; "" where nobody says one.

        Other names are no mistake: many scripts put the time of day into them.
        """
        # Other processes have no other way to wake us than a file; this is done once a run.
        import time

        try:
            meetings()
        except ModuleNotFoundError:  # nothing here knows where folders are
            return ""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(OSError):
                path = self._file(project, name)
                if not path.exists():
                    path = max(
                        self.folder.glob("*.task"), key=lambda file: file.stat().st_mtime, default=path
                    )
                said = path.read_text()
                if said:
                    return said
            time.sleep(LOOK_SECONDS)
        return ""

    def leave(self) -> None:
        """The run is over. What the ranks of a launcher may need still goes after the launcher."""
        import shutil

        if self.mark.startswith("launched-"):
            return
        with suppress(ModuleNotFoundError):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, project: str | None, name: str | None) -> Path:
        import hashlib

        text = repr((project, name)).encode("utf-8", "surrogatepass")
        return self.folder / f"{hashlib.sha256(text).hexdigest()[:16]}.task"


def own_mark() -> str:
    """Under which mark the processes of this run meet."""
    if is_worker() and VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if launched():
        # Another try of the same launcher is another run.
        again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return f"launched-{process.mark(os.getppid())}-{again}"
    return f"run-{process.mark()}"


def meetings() -> Path:
    """The folder in which runs meet."""
    from elsewhere.settings import find_folders

    return find_folders().state / "desk"


def clear_away() -> None:
    """Remove what runs that were killed have left."""
    import shutil

    for left in meetings().glob("*-*-*"):
        if not process.lives("-".join(left.name.split("-")[1:3])):
            shutil.rmtree(left, ignore_errors=True)


def at_end_of_process(finish: Callable[[], None]) -> None:
    """Have ``finish`` called when this process ends; those of ``multiprocessing`` skip exit handlers."""
    owner = os.getpid()

    def called() -> None:
        if os.getpid() == owner:
            finish()

    import atexit

    atexit.register(called)
    at_end_of_worker(called)


def at_end_of_worker(called: Callable[[], None]) -> None:
    """Have ``called`` called when this process ends, if it is one of ``multiprocessing``."""
    if "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize, register_after_fork

        Finalize(None, called, exitpriority=0)
        # It forgets them once more, when a worker has run the script's top level.
        _kept.append(called)
        register_after_fork(called, lambda kept: Finalize(None, kept, exitpriority=0))
