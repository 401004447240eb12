"""A double: an executor that follows a script of what to print and how to end. No process.

It passes the same test suite as the real ones, so code that launches can be tested
with every ending there is, at once and without a command.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import weakref
from dataclasses import dataclass
from typing import Final

from elsewhere.contract.errors import LaunchError
from executors.contract import Exit, Launch

_INTERRUPTED: Final = Exit(-signal.SIGTERM)
_KILLED: Final = Exit(-signal.SIGKILL)


@dataclass(frozen=True)
class Script:
    """What a scripted command does."""

    output: tuple[bytes, ...] = ()
    """Chunks that it prints, in order."""
    pause: float = 0.0
    """Seconds before each chunk, and before the end."""
    code: int | None = 0
    """Exit code, or minus the signal that kills it; None runs until it is made to end."""
    ignores_interrupt: bool = False
    """Whether SIGTERM does nothing to it."""
    oom_killed: bool = False
    """Whether its own end was for want of memory."""
    notes: tuple[str, ...] = ()
    """What the user should know of the launch."""
    failure: str | None = None
    """Why it cannot be started, if it cannot."""


class DummyExecutor:
    """Launches nothing, and plays ``script`` for every launch instead."""

    name = "dummy"

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.launches: list[Launch] = []
        """What was asked to be started, in order."""

    def available(self) -> str | None:
        """None: nothing is needed for doing nothing."""
        return None

    def start(self, launch: Launch) -> DummyRunning:
        """Begin to play the script.

        Raises:
            LaunchError: the script says so.
        """
        if self.script.failure is not None:
            program = launch.argv[0] if launch.argv else "nothing"
            raise LaunchError(f"{program} cannot be started: {self.script.failure}")
        self.launches.append(launch)
        return DummyRunning(self.script)


class DummyRunning:
    """A script that is being played."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._output, written = os.pipe()
        self._play = _Play(script, written)
        threading.Thread(target=self._play.run, name="dummy command", daemon=True).start()
        weakref.finalize(self, _abandon, self._play, self._output)

    @property
    def pid(self) -> None:
        """None: there is no process."""
        return

    @property
    def notes(self) -> tuple[str, ...]:
        """What the script says."""
        return self._script.notes

    @property
    def output(self) -> int:
        """File descriptor of what the script prints; it lives as long as this object."""
        return self._output

    @property
    def bequest(self) -> tuple[int, ...]:
        """The output: the script is played by the caller, and ends with it."""
        return (self._output,)

    def interrupt(self) -> None:
        """Ask for the end, unless the script ignores that."""
        if not self._script.ignores_interrupt:
            self._play.end_with(_INTERRUPTED)

    def terminate(self, grace: float) -> None:
        """Ask for the end, wait up to ``grace`` seconds, then end it."""
        if grace > 0:
            self.interrupt()
            self.wait(grace)
        self._play.end_with(_KILLED)
        self.wait()

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the script's end; None when ``timeout`` seconds passed before."""
        return self._play.ending if self._play.ended.wait(timeout) else None


class _Play:
    """Plays a script into a pipe; may be cut short from any thread, even while the pipe is full."""

    def __init__(self, script: Script, written: int) -> None:
        self.ended = threading.Event()
        self.ending: Exit | None = None
        self._script = script
        self._written = written
        self._cut: Exit | None = None
        self._cutting = threading.Lock()
        self._wake, self._waker = os.pipe()
        os.set_blocking(written, False)

    def end_with(self, ending: Exit) -> None:
        """Cut the play short, unless it has ended or was cut before."""
        with self._cutting:
            if self._cut is None and not self.ended.is_set():
                self._cut = ending
                os.write(self._waker, b".")

    def run(self) -> None:
        """Play; whatever happens, there is an ending and the output is closed."""
        try:
            self._perform()
        finally:
            with self._cutting:
                self.ending = self._cut or Exit(self._script.code or 0, self._script.oom_killed)
                self.ended.set()
            for descriptor in (self._written, self._wake, self._waker):
                os.close(descriptor)

    def _perform(self) -> None:
        for chunk in self._script.output:
            if self._cut_within(self._script.pause) or not self._print(chunk):
                return
        self._cut_within(None if self._script.code is None else self._script.pause)

    def _print(self, chunk: bytes) -> bool:
        while chunk:
            ready, writable, _ = select.select([self._wake], [self._written], [])
            if ready:
                return False
            try:
                if writable:
                    chunk = chunk[os.write(self._written, chunk) :]
            except BrokenPipeError:
                return False
        return True

    def _cut_within(self, seconds: float | None) -> bool:
        return bool(select.select([self._wake], [], [], seconds)[0])


def _abandon(play: _Play, output: int) -> None:
    play.end_with(_KILLED)
    os.close(output)
