"""Makes a container, listens to it, and lets it begin."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from elsewhere.contract.errors import ImageUnavailable, LaunchError
from executors.contract import Container, Launch
from executors.docker.arguments import Options, parse
from executors.docker.blueprint import blueprint
from executors.docker.ending import Ending, removed
from executors.docker.failure import told_as, words_of
from executors.docker.running import DockerRunning
from executors.docker.stream import Stream
from executors.docker.switch import SHELL, check_begin, switched

if TYPE_CHECKING:
    from docker import APIClient

    from executors.docker.engine import Engine

_PIPE_BYTES: Final = 1024 * 1024
"""So that a script that prints in bursts does not wait for its reader."""

_BEGIN_SECONDS: Final = 60.0
"""What the shell in a started container may take to its first word."""

_ABSENT: Final = re.compile(r"no such file|not found", re.IGNORECASE)
_NO_SWITCH: Final = (
    f"the image has no {SHELL}: should the agent's process for this task be killed, the container runs on "
    "until the agent starts again; stdout and stderr may come out of order"
)


class _NoShell(Exception):
    """The image has no shell that could be the switch."""


@dataclass(frozen=True)
class _Plan:
    """A launch, and how it is done."""

    launch: Launch
    container: Container
    options: Options
    user: str
    switched: bool
    passing: bool
    """Whether the engine shall remove the container at its end."""

    @property
    def body(self) -> dict[str, Any]:
        """What the engine is told."""
        argv = self.launch.argv
        command = switched(argv) if self.switched else argv
        body = blueprint(
            self.launch, self.container, self.options, user=self.user, command=command, listens=self.switched
        )
        body["HostConfig"]["AutoRemove"] = self.passing
        return body


def start(engine: Engine, launch: Launch, *, passing: bool = False) -> DockerRunning:
    """Start the command; with ``passing``, nothing of the container stays after its end.

    Raises:
        LaunchError: it cannot be started; nothing is left behind.
    """
    if not launch.argv:
        raise LaunchError("there is no command to start: its argument list is empty")
    container = launch.container
    if container is None:
        raise LaunchError(
            f"{launch.argv[0]} cannot be started in a container: no image is named",
            "Name one for the task, or give the agent one: agent daemon --docker IMAGE.",
        )
    if container.gpus and engine.is_podman:
        # It takes the request, gives nothing, and says nothing.
        raise LaunchError(
            "the container cannot be given its GPUs: Podman's Docker-like interface hands none in",
            "Use Docker on this machine, or give devices by `--device` and no --gpus to this agent.",
        )
    options, user = parse(container.arguments), engine.user(container.user)
    try:
        return _begun(engine.client, _Plan(launch, container, options, user, switched=True, passing=passing))
    except _NoShell:
        return _begun(engine.client, _Plan(launch, container, options, user, switched=False, passing=passing))


def _begun(client: APIClient, plan: _Plan) -> DockerRunning:
    program = plan.launch.argv[0]
    with ExitStack() as undo:  # whatever goes wrong: nothing is left behind
        identity, notes = _created(client, plan)
        undo.callback(_discard, client, identity)
        output, stream = _attached(client, identity, undo, plan)
        ending = Ending(client, identity)
        undo.callback(ending.close)
        _started(client, identity, plan)
        if plan.switched:
            with told_as(f"{program} cannot be started"):
                word = stream.first_line(_BEGIN_SECONDS)
            check_begin(word, program)
        running = DockerRunning(
            client,
            identity,
            stream,
            ending,
            output,
            pid=_visible_pid(client, identity),
            notes=notes if plan.switched else (*notes, _NO_SWITCH),
            switched=plan.switched,
        )
        undo.pop_all()
        return running


def _created(client: APIClient, plan: _Plan) -> tuple[str, tuple[str, ...]]:
    import docker.errors

    program, image = plan.launch.argv[0], plan.container.image
    with told_as(f"no container can be made for {program}"):
        try:
            made = client.create_container_from_config(plan.body)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound as error:
            raise ImageUnavailable(
                f"the image {image} is not in the engine any more", "Run the task again: it is pulled anew."
            ) from error
    return str(made["Id"]), tuple(
        f"the container engine warns: {said}" for said in made.get("Warnings") or ()
    )


def _attached(client: APIClient, identity: str, undo: ExitStack, plan: _Plan) -> tuple[int, Stream]:
    """The pipe that the container's output will come from, and what fills it."""
    import docker.errors

    with told_as("the container cannot be listened to"):
        asked = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        # Before the start: so nothing is missed, and nothing has come that the library might keep.
        try:
            reader = client.attach_socket(identity, params=asked)
        except docker.errors.APIError as error:
            # Docker finds at the start what Podman finds when somebody wants to listen.
            raise _unstartable(plan, words_of(error)) from error
        connection = socket.socket(fileno=os.dup(reader.fileno()))
        reader._response.close()
        reader.close()
    connection.settimeout(None)
    output, written = os.pipe()
    with suppress(OSError, AttributeError):
        fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    stream = Stream(connection, written)
    undo.callback(os.close, output)
    undo.callback(stream.close)
    return output, stream


def _started(client: APIClient, identity: str, plan: _Plan) -> None:
    import docker.errors

    program = plan.launch.argv[0]
    with told_as(f"{program} cannot be started in the container"):
        try:
            client.start(identity)
        except docker.errors.APIError as error:
            raise _unstartable(plan, words_of(error)) from error


def _unstartable(plan: _Plan, words: str) -> Exception:
    if plan.switched and SHELL in words and _ABSENT.search(words):
        return _NoShell()
    return _refusal(plan.launch.argv[0], words)


def _refusal(program: str, words: str) -> LaunchError:
    if "could not select device driver" in words or "nvidia" in words.lower():
        return LaunchError(
            f"the container cannot be given its GPUs: {words}",
            "Install the NVIDIA Container Toolkit, and run: nvidia-ctk runtime configure.",
        )
    if program in words and _ABSENT.search(words):
        return LaunchError(
            f"the program {program} is missing in the image",
            "Correct its name or PATH, or use an image that has it.",
        )
    return LaunchError(f"{program} cannot be started in the container: {words}")


def _visible_pid(client: APIClient, identity: str) -> int | None:
    """The first process's id here; None where the engine counts its processes in another namespace."""
    with suppress(LaunchError, OSError), told_as("the container cannot be looked up"):
        pid = int(client.inspect_container(identity)["State"].get("Pid") or 0)
        if pid and identity in Path(f"/proc/{pid}/cgroup").read_text():
            return pid
    return None


def _discard(client: APIClient, identity: str) -> None:
    with suppress(LaunchError), told_as("the container cannot be removed"):
        removed(client, identity)
