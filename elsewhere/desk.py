"""A task at a desk: the process that a person started, until it sends itself elsewhere."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from elsewhere.contract.errors import CaptureError, ElsewhereError
from elsewhere.contract.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elsewhere.capture import Capture
    from elsewhere.contract.task import JSONValue, TaskRecord
    from elsewhere.settings import Settings
    from elsewhere.store.protocol import Store
    from elsewhere.wish import Wish


class Started(NamedTuple):
    """How a person started this process."""

    script: str
    """Path of the script, or a module's dotted name."""
    kind: Literal["script", "module"]
    file: Path
    arguments: tuple[str, ...]
    working_directory: Path


class Desk:
    """A task that runs at a desk. It is kept in memory: no store hears of it until it is sent."""

    def __init__(self, project: str | None, name: str | None, *, records: bool) -> None:
        self._project = project
        self._name = name
        self._records = records
        self._wish: Wish | None = None
        # Now, before the script may change either.
        self._arguments = tuple(sys.argv[1:])
        self._working_directory = Path.cwd()
        self.id: str | None = None
        self.status = Status.IN_PROGRESS

    @property
    def name(self) -> str:
        """The given name, else the script's without its suffix."""
        return self._name or self._started().file.stem

    @property
    def project(self) -> str:
        """The given project, else the name of the repository's folder, else that of the script's."""
        if self._project:
            return self._project
        folder = self._started().file.parent
        return next((home for home in (folder, *folder.parents) if (home / ".git").exists()), folder).name

    def parameters(self) -> dict[str, JSONValue]:
        """What the command line was parsed to so far."""
        if not self._records or "elsewhere.parameters.ledger" not in sys.modules:
            return {}
        from elsewhere.parameters import ledger

        return ledger.recorded()

    def set_base_docker(
        self, image: str, arguments: str | Sequence[str] | None, setup_script: str | None
    ) -> None:
        """Ask for an image."""
        from dataclasses import replace

        from elsewhere.wish import Wish, checked_image

        wanted = checked_image(image, arguments or (), setup_script or "")
        self._wish = replace(self._wish or Wish(), image=wanted)

    def set_packages(
        self, origin: str, requirements_files: Sequence[str], no_build_isolation: Sequence[str]
    ) -> None:
        """Ask for packages from elsewhere."""
        from elsewhere.wish import Wish, checked_packages

        asked = checked_packages(origin, requirements_files, no_build_isolation)
        image = None if self._wish is None else self._wish.image
        self._wish = Wish(image, asked.origin, asked.requirements_files, asked.no_build_isolation)

    def execute_remotely(self, queue_name: str, *, clone: bool, exit_process: bool) -> None:
        """Send this run elsewhere, say so, and end this process unless it is told to go on."""
        from elsewhere.exit import fail, leave

        del clone
        if _is_worker():
            return
        sys.stdout.flush()
        try:
            self._send(queue_name)
        except ElsewhereError as error:
            fail(error)
        sys.stdout.flush()
        if exit_process:
            leave(0)

    def close(self) -> None:
        """End the task, not the process."""
        self.status = Status.CLOSED

    def _send(self, queue: str) -> None:
        from elsewhere import settings
        from elsewhere.connect import open_store
        from elsewhere.contract.task import NewTask
        from elsewhere.submission import submit

        started = self._started()
        resolved = settings.load()
        store = open_store(resolved)
        try:
            captured = _capture(started, resolved)
            spec = captured.spec
            if self._wish is not None:
                spec = self._wish.fulfilled(spec, captured.root, self._working_directory)
            new = NewTask(self.project, self.name, spec, self.parameters())
            # A key for each call: a second copy is a task of its own.
            sent = submit(store, new, captured.payloads, queue, submission=uuid.uuid4().hex)
            self._tell(store, sent.task, queue, captured.notes)
        finally:
            store.close()

    def _tell(self, store: Store, record: TaskRecord, queue: str, notes: tuple[str, ...]) -> None:
        lines = [*notes, f"task {record.id} is queued on {queue!r}"]
        lines.append(f"follow it with 'agent logs -f {record.id[:8]}'")
        if not store.serving(queue):
            lines.append(
                f"no agent serves queue {queue!r} yet: start one with 'agent daemon --queue {queue}'"
            )
        sys.stdout.write("".join(f"elsewhere: {line}\n" for line in lines))

    def _started(self) -> Started:
        main: Any = sys.modules.get("__main__")
        spec = getattr(main, "__spec__", None)
        file = getattr(main, "__file__", None)
        if file is None or not Path(file).exists():
            raise CaptureError(
                "this process runs no script: a notebook's or prompt's lines cannot be captured yet",
                "Put the code into a script, and run that.",
            )
        path = Path(os.path.abspath(self._working_directory / file))  # noqa: PTH100 - links stay links
        # `python folder` and `python archive.zip` have a spec too, and its name says so.
        if spec is not None and spec.name != "__main__":
            name = spec.name.removesuffix(".__main__")
            return Started(name, "module", path, self._arguments, self._working_directory)
        return Started(str(path), "script", path, self._arguments, self._working_directory)


def _capture(started: Started, resolved: Settings) -> Capture:
    from elsewhere.capture import capture

    return capture(
        started.script,
        started.arguments,
        working_directory=started.working_directory,
        kind=started.kind,
        untracked_limit=resolved.untracked_limit,
        bundle_limit=resolved.bundle_limit,
    )


def _is_worker() -> bool:
    """Whether `multiprocessing` started this process, which may run the script's top level again."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # A spawned one knows its parent only after it has run the top level: until then it is
    # `_inheriting`, which is how multiprocessing itself refuses to spawn from there.
    inheriting = getattr(process.current_process(), "_inheriting", False)
    return inheriting or process.parent_process() is not None
