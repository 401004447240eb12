"""Makes the container of an attempt: what it sees of this machine, and how it is found again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import elsewhere
from agent.image.environment import ImageEnvironment
from elsewhere.contract.lease import Lease
from executors.contract import Container, Mount

TASK_LABEL: Final = "elsewhere.task"
ATTEMPT_LABEL: Final = "elsewhere.attempt"
AGENT_LABEL: Final = "elsewhere.agent"

_ALTERNATES: Final = Path(".git", "objects", "info", "alternates")


def container_for(
    environment: ImageEnvironment,
    arguments: tuple[str, ...],
    lease: Lease,
    *,
    tree: Path,
    sdk: Path,
    relay: Path,
    home: Path,
    gpus: tuple[str, ...] | None,
) -> Container:
    """The container of an attempt, for ``launch.build``. Nothing that it names may be missing.

    Everything has the same path inside as outside. Of the folder of sockets it sees this attempt's
    own alone: a socket is a file that can be mounted, and beside it may be the server's.

    Args:
        environment: what it runs with.
        arguments: options that the policy has let through.
        lease: whose labels it carries.
        tree: the workspace; writable.
        sdk: what goes on ``PYTHONPATH``.
        relay: socket of the attempt's Relay, which must be listening.
        home: folder that is ``HOME`` inside, made where missing; writable and kept, so that what
            libraries download is there for the next attempt.
        gpus: those of the slot; None shows none.
    """
    home.mkdir(parents=True, exist_ok=True)
    read = [sdk, Path(elsewhere.__file__).resolve().parent, *_borrowed(tree)]
    if environment.key:
        read.append(environment.folder)
    own = [f"--env=HOME={home}"]
    if not gpus:
        # Images made for GPUs ask for all of them, where NVIDIA's runtime is the engine's usual one.
        own.append("--env=NVIDIA_VISIBLE_DEVICES=void")
    return Container(
        environment.image.id,
        arguments=(*arguments, *own),
        mounts=(
            *(Mount(path, writable=True) for path in (tree, home, relay)),
            *(Mount(path) for path in dict.fromkeys(read)),
        ),
        gpus=gpus,
        labels=labels_of(lease),
        # An image's own user is root as a rule, and could write files that we cannot remove.
        user=f"{os.getuid()}:{os.getgid()}",
    )


def labels_of(lease: Lease) -> Mapping[str, str]:
    """What the container of an attempt is found by."""
    return {TASK_LABEL: lease.task_id, ATTEMPT_LABEL: str(lease.attempt), AGENT_LABEL: lease.agent}


def _borrowed(tree: Path) -> Iterator[Path]:
    """The cached repositories whose objects the workspace uses: git would miss them inside."""
    try:
        lines = (tree / _ALTERNATES).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        folder = Path(line)
        if folder.is_absolute() and folder.name == "objects" and folder.is_dir():
            yield folder.parent
