"""What every way to launch a command promises. Its test suite is ``tests/executors``.

A file in this folder that defines one public class with ``name``, ``available`` and
``start`` is an executor: ``executors.named(name)`` finds it, nothing else is edited.

Order of calls: ``available`` once, then ``start``, then anything of ``Running``. If
``start`` raises, nothing runs and nothing is left behind. ``Running`` may be used from
several threads; every method of it is safe to repeat, also after the command has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from elsewhere.contract.terms import Limits


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine that the command sees at the same path."""

    path: Path
    writable: bool = False


@dataclass(frozen=True)
class Container:
    """What a container for the command is made of; executors without containers refuse it."""

    image: str
    """The image's id in the engine, with its algorithm: ``sha256:…``; already there, and allowed."""
    arguments: tuple[str, ...] = ()
    """Options of ``docker run`` that the user asks for and the agent's policy allows."""
    mounts: tuple[Mount, ...] = ()
    gpus: tuple[str, ...] | None = None
    """GPUs to hand in; None hands in none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """By these a container is found again after a restart."""
    user: str = ""
    """``UID:GID`` that the command runs as; "" means the image's own."""


@dataclass(frozen=True)
class Launch:
    """A command, ready to be started: nothing in it is left to look up."""

    argv: tuple[str, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole process environment; nothing is added to it from the agent's own."""
    limits: Limits = field(default_factory=Limits)
    """What the tree is held to where this machine lets us; ``Running.notes`` says where it does not."""
    container: Container | None = None
    """None launches on this machine itself."""


@dataclass(frozen=True)
class Exit:
    """How the command ended: its exit code, or minus the signal that killed it."""

    code: int
    oom_killed: bool = False
    """Whether there is evidence that the kernel killed something of the tree for want of memory."""


class Running(Protocol):
    """One started command, and the tree of processes that it made."""

    @property
    def pid(self) -> int | None:
        """Process id of the command on this machine, if it has one here."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of this launch, such as limits that could not be set."""
        ...

    @property
    def output(self) -> int:
        """File descriptor of stdout and stderr together, in the order written; EOF ends it.

        It belongs to the ``Running``: read it, do not close it. EOF comes when the last
        process of the tree has closed its end, which may be after ``wait`` returned.
        """
        ...

    @property
    def bequest(self) -> tuple[int, ...]:
        """Descriptors for whoever takes care of the command should the caller die; ``output`` first.

        Copies of the rest hold back whatever ends the command at the caller's death, until
        the last copy is closed. Empty where the launch depends on no process of this machine.
        """
        ...

    def interrupt(self) -> None:
        """Ask the command politely to end: SIGTERM to its process group."""
        ...

    def terminate(self, grace: float) -> None:
        """End the whole tree: ask, wait up to ``grace`` seconds, then kill what is left.

        Afterwards no process of the tree runs, those that left its session included.
        """
        ...

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the command itself to end; None when ``timeout`` seconds passed before."""
        ...


class Executor(Protocol):
    """One way to launch a command."""

    name: str

    def available(self) -> str | None:
        """None when this machine can launch this way, else the reason in a sentence."""
        ...

    def start(self, launch: Launch) -> Running:
        """Start the command.

        Raises:
            LaunchError: it cannot be started; the message names the program and the cause.
        """
        ...
