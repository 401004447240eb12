"""The options of a daemon that say in what tasks run: a container, and with whose packages."""

from __future__ import annotations

import shlex
from typing import Annotated, Optional

import typer

from elsewhere.contract.errors import ConfigurationError, UsageError

PackagesOrigin = Annotated[
    str,
    typer.Option(
        "--packages",
        metavar="ORIGIN",
        help="Over what tasks say: recorded, requirements, lock, existing:PATH or none.",
    ),
]
Docker = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates it, also on Python 3.10
    typer.Option(
        "--docker",
        metavar="IMAGE",
        show_default=False,
        help='Run tasks in containers: in IMAGE, where they name none; "" leaves that to the settings.',
    ),
]
DockerArguments = Annotated[
    str,
    typer.Option(
        "--docker-args", metavar="ARGS", help='Options of `docker run` that go with it: "--shm-size=8g".'
    ),
]


def docker_arguments(text: str, image: str | None) -> tuple[str, ...]:
    """The single words of ``--docker-args``, as a shell parts them.

    Raises:
        UsageError: a quote that is not closed, or no ``--docker`` that they go with.
    """
    if not text:
        return ()
    if image is None:
        raise UsageError("--docker-args: tasks run in no containers", "Give --docker IMAGE, too.")
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"--docker-args: {text!r} cannot be parted into words: {error}", "Close the quote."
        ) from error


def packages_origin(text: str) -> str:
    """``text``, if packages can come from there.

    Raises:
        UsageError: they cannot.
    """
    from agent.environment.config import check_origin

    try:
        return check_origin(text)
    except ConfigurationError as error:
        raise UsageError(f"--packages: {error.what}", error.next_step) from error
