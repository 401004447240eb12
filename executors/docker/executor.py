"""Starts a command in a container."""

from __future__ import annotations

import threading

from elsewhere.contract.errors import ElsewhereError
from executors.contract import Launch
from executors.docker.engine import Engine
from executors.docker.launch import start
from executors.docker.running import DockerRunning


class DockerExecutor:
    """Runs commands in containers of this machine's engine.

    The image's entrypoint is not used, its variables lie below the launch's. Mounts and the working
    folder have the same paths inside. The command is a child of a small shell of the image, which
    ends it when the calling process dies; ``notes`` says so where the image has no shell. A process
    that the command leaves behind ends with it: so it is in containers.

    Args:
        engine: where to launch; None finds the engine when it is first needed.
    """

    name = "docker"

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine
        self._finding = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine that it launches in.

        Raises:
            EngineUnavailable: there is none.
            MissingDependency: the library that speaks to engines is not installed.
        """
        with self._finding:
            if self._engine is None:
                self._engine = Engine()
            return self._engine

    def available(self) -> str | None:
        """None when an engine answers, else why there is none."""
        try:
            self.engine.check()
        except ElsewhereError as error:
            return error.what
        return None

    def start(self, launch: Launch) -> DockerRunning:
        """Start the command in the container that ``launch.container`` describes.

        Raises:
            LaunchError: it cannot be started; the message names the program, option, image or path.
            EngineUnavailable: no engine answers.
        """
        return start(self.engine, launch)
