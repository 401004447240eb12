"""Starts a command inside of cgroups: it is there before its first instruction.

A process that enters by itself after its start, or is put there by its parent, has run and
allocated outside by then. ``subprocess`` could enter between fork and exec (``preexec_fn``),
at the price of ``vfork`` and of running Python in the fork of a process with threads. So a
small interpreter starts, enters, and becomes the command: the same process, with the same id
and session, and exactly the environment and arguments that it would have had.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_KEEPER: Final = Path(__file__).with_name("gatekeeper.py")

Start = Callable[[Sequence[str], Mapping[str, str], Sequence[int]], "subprocess.Popen[bytes]"]
"""Starts these arguments with this environment, handing down these descriptors."""


def pass_gate(
    start: Start,
    argv: Sequence[str],
    environment: Mapping[str, str],
    folders: Sequence[Path],
    refused: Callable[[Path, str], None],
) -> subprocess.Popen[bytes]:
    """Start a command inside the cgroups ``folders``; returns when the command itself runs.

    Args:
        start: starts a process; whatever it raises is raised.
        argv: the command.
        environment: its whole environment, in which its program is looked up too.
        folders: the cgroups.
        refused: told of each that the command could not enter, and why. It runs all the same.

    Raises:
        OSError: the command cannot be executed.
        ValueError: its environment is none.
    """
    with ExitStack() as opened:
        entries = opened.enter_context(os.fdopen(os.memfd_create("environment"), "w+b"))
        entries.write(b"".join(_entry(name, value) for name, value in environment.items()))
        entries.flush()
        entries.seek(0)
        heard, told = os.pipe()
        answers = opened.enter_context(os.fdopen(heard, "rb"))
        with os.fdopen(told, "wb") as teller:
            numbers = (os.getpid(), entries.fileno(), teller.fileno(), len(folders))
            words = [*map(str, numbers), *map(str, folders), *argv]
            keeper = [sys.executable, "-I", "-S", str(_KEEPER), *words]
            process = start(keeper, {}, [entries.fileno(), teller.fileno()])
        try:
            _hear(answers.read().splitlines(), refused)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return process


def _entry(name: str, value: str) -> bytes:
    if not name or "=" in name:
        raise ValueError("illegal environment variable name")
    if "\0" in name + value:
        raise ValueError("embedded null byte")
    return os.fsencode(f"{name}={value}\0")


def _hear(lines: Sequence[bytes], refused: Callable[[Path, str], None]) -> None:
    if not lines:
        raise OSError(errno.EIO, f"{sys.executable}, which sets its limits, did not start")
    for line in lines[1:]:
        what, number, *folder = line.split(b" ", 2)
        reason = os.strerror(int(number))
        if what == b"exec":
            raise OSError(int(number), reason)
        refused(Path(os.fsdecode(folder[0])), reason)
