"""What is left of a launch whose supervisor died: how it ended, what it had printed, and its end."""

from __future__ import annotations

import contextlib
import signal
from typing import Final, Protocol

import psutil

from agent.launch import attempt_variables
from agent.state import AttemptMark
from agent.witness import Testimony
from elsewhere.contract.errors import ElsewhereError
from executors.contract import Exit
from executors.process import end_tree, mark_of

_TELLING_SECONDS: Final = 1.0
"""What an engine gets to tell of an end that has just come."""


class Remains(Protocol):
    """Order of calls: ``exit``, ``end``, ``output``."""

    def exit(self) -> Exit | None:
        """How the command had ended by itself; None where it had not, or nobody can tell."""
        ...

    def end(self, grace: float) -> None:
        """End whatever still runs: ask, wait up to ``grace`` seconds, kill."""
        ...

    @property
    def output(self) -> int | None:
        """Descriptor of what was printed and not read; None where nobody has kept it."""
        ...


class Processes:
    """Of a launch on this machine itself."""

    def __init__(self, mark: AttemptMark, testimony: Testimony) -> None:
        self._mark = mark
        self._testimony = testimony

    def exit(self) -> Exit | None:
        """What the witness can tell."""
        return self._testimony.exit_of(self._mark.command)

    def end(self, grace: float) -> None:
        """End the tree, by the launch's own switch and by its mark."""
        self._testimony.let_go()
        command = self._mark.command
        if command is None:
            return
        started = 0.0
        if command.alive:
            with contextlib.suppress(psutil.Error):
                started = psutil.Process(command.pid).create_time()
        end_tree(command.pid, started, grace, mark_of(attempt_variables(self._mark.lease)))

    @property
    def output(self) -> int | None:
        """The pipe."""
        return self._testimony.descriptors[0] if self._testimony.descriptors else None


class InEngine:
    """Of a launch in a container, which the engine keeps until somebody has removed it."""

    def __init__(self, mark: AttemptMark, testimony: Testimony) -> None:
        # Imported here: the library for engines takes 0.1 s, and most attempts need none.
        from agent.image.container import labels_of
        from executors.docker import Engine

        self._labels = labels_of(mark.lease)
        self._engine = Engine(mark.engine or None)
        self._testimony = testimony
        self._output: int | None = None

    def exit(self) -> Exit | None:
        """What the engine can tell; a container that was killed has not ended by itself."""
        from executors.docker import drained

        with contextlib.suppress(ElsewhereError):
            # First: an engine tells of an end only when all output was taken from it.
            if self._testimony.descriptors:
                self._output = drained(self._testimony.descriptors)
            ended = self._engine.exit_of(self._labels, within=_TELLING_SECONDS)
            if ended is not None and (ended.code != -signal.SIGKILL or ended.oom_killed):
                return ended
        return None

    def end(self, grace: float) -> None:
        """Remove the container, whatever it still does."""
        del grace  # what runs on had the time that the switch leaves it
        self._testimony.let_go()
        with contextlib.suppress(ElsewhereError):
            self._engine.remove(self._labels)

    @property
    def output(self) -> int | None:
        """What was in the pipe, and then in the connection."""
        return self._output
