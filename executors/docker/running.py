"""One command in a container."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from elsewhere.contract.errors import LaunchError
from executors.contract import Exit
from executors.docker.ending import End, Ending, removed
from executors.docker.failure import told_as
from executors.docker.stream import Stream
from executors.docker.switch import ASK_TO_END

if TYPE_CHECKING:
    from docker import APIClient

_PATIENCE_SECONDS: Final = 30.0
"""How long an engine may take to end a container that it was told to kill."""


class DockerRunning:
    """A command that runs in a container of its own.

    The container stays, ended, until ``terminate``: so its exit code can be read by a successor.
    Dropping the last reference closes ``output``, and ends the command if it still runs.

    Args:
        client: of the engine.
        identity: the container's id.
        stream: the connection to it; owned from now on.
        ending: tells of its end; owned from now on.
        output: read end of the pipe that ``stream`` writes to; owned from now on.
        pid: of its first process on this machine, where it is visible here.
        notes: what the user should know.
        switched: whether it hears what it is told on its stdin.
    """

    def __init__(
        self,
        client: APIClient,
        identity: str,
        stream: Stream,
        ending: Ending,
        output: int,
        *,
        pid: int | None,
        notes: tuple[str, ...],
        switched: bool,
    ) -> None:
        self._client = client
        self._identity = identity
        self._stream = stream
        self._output = output
        self._pid = pid
        self._notes = notes
        self._switched = switched
        self._end = End()
        self._ending = threading.Lock()
        self._over = False
        threading.Thread(target=stream.pump, name="container output", daemon=True).start()
        threading.Thread(target=self._end.follow, args=(ending,), name="container end", daemon=True).start()
        weakref.finalize(self, _abandon, os.getpid(), stream, output)

    @property
    def id(self) -> str:
        """The container's id in the engine."""
        return self._identity

    @property
    def pid(self) -> int | None:
        """Process id of the container's first process on this machine; None where it is not visible."""
        return self._pid

    @property
    def notes(self) -> tuple[str, ...]:
        """What the engine warns of, and whether the switch is missing."""
        return self._notes

    @property
    def output(self) -> int:
        """File descriptor of stdout and stderr; it lives as long as this object."""
        return self._output

    @property
    def bequest(self) -> tuple[int, ...]:
        """The output, and the connection to the container, which the switch listens to; see ``drained``."""
        connection = self._stream.descriptor
        return (self._output,) if connection is None else (self._output, connection)

    def interrupt(self) -> None:
        """Ask the command to end: SIGTERM to its process group, or to itself where there is no switch."""
        if self._end.is_told:
            return
        if self._switched:
            self._stream.say(ASK_TO_END)
        else:
            with suppress(LaunchError), told_as("the command cannot be asked to end"):
                self._client.kill(self._identity, "SIGTERM")

    def terminate(self, grace: float) -> None:
        """End the container: ask, wait up to ``grace`` seconds, kill, remove.

        Meanwhile another thread may ask again with a shorter grace.
        """
        self._end.expect_within(grace)
        self._stream.make_room()
        with self._ending:
            if self._over:
                return
            if grace > 0:
                self.interrupt()
                self._end.wait_until_expected()
            # Where the engine does not answer there is nobody to ask; who starts next looks for the label.
            with suppress(LaunchError), told_as("the container cannot be ended"):
                if not self._end.is_told:
                    self._stream.make_room()
                    self._kill()
                self._end.wait(_PATIENCE_SECONDS)
                removed(self._client, self._identity)
            self._over = True

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the end; None also where the engine went away and nobody can tell how it ended."""
        self._end.wait(timeout)
        return self._end.exit

    def _kill(self) -> None:
        import docker.errors

        # It may end, or be removed by the engine, at this very moment.
        with suppress(docker.errors.NotFound):
            try:
                self._client.kill(self._identity, "SIGKILL")
            except docker.errors.APIError as error:
                if error.status_code != HTTPStatus.CONFLICT and "is not running" not in str(error):
                    raise


def _abandon(owner: int, stream: Stream, output: int) -> None:
    """Nobody refers to a launch any more: its switch ends it if it still runs."""
    if os.getpid() != owner:  # in a fork: the launch belongs to the process that made it
        return
    os.close(output)
    stream.hang_up()
