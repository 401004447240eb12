"""The container engine of this machine: Docker, or Podman by its Docker-compatible socket."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from elsewhere.contract.errors import EngineUnavailable, MissingDependency
from executors.contract import Container, Exit, Launch
from executors.docker import image as images
from executors.docker.address import addresses, answers, may_enter
from executors.docker.failure import told_as
from executors.docker.image import ImageFacts

if TYPE_CHECKING:
    from docker import APIClient

    from executors.docker.running import DockerRunning


class Engine:
    """One engine. Methods may be called from several threads.

    Args:
        url: where it answers; None looks at ``DOCKER_HOST``, then at the usual sockets.

    Raises:
        EngineUnavailable: none answers there, or it does not let this user in.
        MissingDependency: the library that speaks to engines is not installed.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = _answering((url,) if url else addresses())
        self.client = _client(self.url)
        self._rootless: bool | None = None
        self._asking = threading.Lock()

    def check(self) -> None:
        """See whether it still answers.

        Raises:
            EngineUnavailable: it does not.
        """
        _answering((self.url,))

    def find(self, image: str, note: Callable[[str], None]) -> ImageFacts:
        """What the image is, by name or id; it is pulled first where the engine does not have it.

        ``note`` is given lines about a pull: its begin, its progress every few seconds, its end.

        Raises:
            ImageUnavailable: it is not there, and its registry does not have it, does not give it out
                or cannot be reached.
            EngineUnavailable: the engine does not answer any more.
        """
        return images.find(self.client, image, note)

    def pull(self, image: str, note: Callable[[str], None]) -> None:
        """Ask the image's registry for the newest of that name; ``note`` and errors as in ``find``."""
        images.pull(self.client, image, note)

    def run(
        self,
        container: Container,
        argv: tuple[str, ...],
        *,
        environment: Mapping[str, str],
        working_directory: Path,
        note: Callable[[str], None],
        started: Callable[[DockerRunning], None] = lambda _: None,
    ) -> int:
        """Run a command in a container of its own to its end; its exit code.

        ``note`` is given each line that it prints. ``started`` is given what can end it early, from
        another thread. The container is gone afterwards, also when ``note`` raises, and also when
        this process is killed meanwhile.

        Raises:
            LaunchError: it cannot be started; the message says why.
        """
        from executors.docker.launch import start

        running = start(self, Launch(argv, working_directory, environment, container=container), passing=True)
        try:
            started(running)
            for line in _lines(running.output):
                note(line)
            ended = running.wait()
        finally:
            running.terminate(0)
        if ended is None:
            raise EngineUnavailable(f"the container engine went away while {argv[0]} ran")
        return ended.code

    def exit_of(self, labels: Mapping[str, str], *, within: float = 0.0) -> Exit | None:
        """How the command in the newest container with these labels ended, or ends within so many seconds.

        None where it runs on, or there is no such container. An engine tells an end once what was printed
        has been read: see ``drained``.
        """
        from executors.docker.relics import exit_of

        return exit_of(self.client, labels, within)

    def remove(self, labels: Mapping[str, str]) -> int:
        """End and remove every container with these labels; how many there were. Safe to repeat."""
        from executors.docker.relics import remove

        return remove(self.client, labels)

    @property
    def rootless(self) -> bool:
        """Whether root in a container is the engine's own user outside, whose the agent's files are."""
        with self._asking:
            if self._rootless is None:
                with told_as("the container engine cannot be asked how it runs"):
                    security = self.client.info().get("SecurityOptions") or ()
                self._rootless = any("rootless" in option for option in security)
            return self._rootless

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which takes some requests and does not follow them."""
        with told_as("the container engine cannot be asked what it is"):
            parts = self.client.version().get("Components") or ()
        return any("podman" in str(part.get("Name", "")).lower() for part in parts)

    def user(self, user: str) -> str:
        """Who is to be asked for, so that files end up owned by ``user`` (``UID:GID``) outside."""
        own = str(os.getuid())
        return "0:0" if user.partition(":")[0] == own != "0" and self.rootless else user

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


def _answering(urls: tuple[str, ...]) -> str:
    for url in urls:
        scheme = url.partition("://")[0]
        if scheme in {"ssh", "https", "npipe"}:
            raise EngineUnavailable(
                f"the container engine at {scheme}:// is not on this machine, whose files it must mount",
                "Point DOCKER_HOST at an engine of this machine, such as unix:///var/run/docker.sock.",
            )
        if answers(url):
            return url
    closed = [url for url in urls if not may_enter(url)]
    if closed:
        raise EngineUnavailable(
            f"this user may not speak to the container engine at {closed[0]}",
            "Add the user who runs the agent to the group docker, or use a rootless engine.",
        )
    where = urls[0] if len(urls) == 1 else "the sockets of Docker and Podman"
    raise EngineUnavailable(f"no container engine answers at {where}")


def _client(url: str) -> APIClient:
    try:
        import docker
    except ImportError as error:
        raise MissingDependency(
            "the library docker, which speaks to container engines, is not installed",
            "Install it: pip install 'elsewhere[agent]'.",
        ) from error
    with told_as(f"the container engine at {url} cannot be used"):
        return docker.APIClient(base_url=url, version="auto")


def _lines(output: int) -> Iterator[str]:
    with os.fdopen(os.dup(output), "rb") as stream:
        for line in stream:
            yield line.decode(errors="replace").rstrip("\r\n")
