"""The bytecode of an environment: compiled once, in the background, after its first launch.

Installers leave none, and the first import of a large package then compiles for seconds. No
attempt shall wait for that, nor each one pay for it, so a process of its own does it when
nobody else wants the machine, for all later attempts.

That process holds the environment's lock, so that no janitor removes what it works on, and a
lock of its own, so that there is one of it. Killed at any moment it leaves whole files only,
from which the next one goes on; a file says that all is done. It is below the supervisor that
started it, which ends all that is below it when its script has ended: so it is asked for
after the launch, and once more at the very end, when it may stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Final

import psutil

from agent.environment.environment import Environment, lock_of

MOST_SECONDS: Final = 1800
"""After so long it gives up: most of the work is done then, and imports do the rest."""

LEAST_FREE_BYTES: Final = 1024**3
"""Bytecode takes about as much space as its source: a disk with less than this has better uses for it."""

_COMPILER: Final = Path(__file__).with_name("compiler.py")
_DONE: Final = ".elsewhere-compiled"
_LOCK: Final = ".elsewhere-compiling"


def compile_soon(environment: Environment) -> None:
    """See to it that the packages of ``environment`` are compiled soon; returns at once.

    Starts a process unless one is at it, all is done, there is nothing to compile, or the
    environment is not ours to write to. The caller must hold the environment. Safe to repeat, for any number
    of processes at once. Never raises: what is not compiled now is compiled when it is imported.
    """
    with contextlib.suppress(OSError, psutil.Error), contextlib.ExitStack() as holding:
        if not environment.key or is_compiled(environment) or not _is_worth_it(environment):
            return
        locks = hold_to_compile(environment, holding)
        # The last one may have finished since we looked.
        if not is_compiled(environment):
            _start(environment, locks)


def is_compiled(environment: Environment) -> bool:
    """Whether all packages of ``environment`` are compiled."""
    return (environment.folder / _DONE).exists()


def compiling_lock(environment: Environment) -> Path:
    """The file that is locked as long as somebody compiles."""
    return environment.folder / _LOCK


def hold_to_compile(environment: Environment, holding: contextlib.ExitStack) -> tuple[int, int]:
    """Keep the environment, and be the only one who compiles it, as long as ``holding`` lasts.

    The locks' descriptors may be inherited by children, and last as long as those.

    Raises:
        BlockingIOError: somebody else compiles it, or removes it.
    """
    kept = _lock(lock_of(environment.folder), fcntl.LOCK_SH, holding)
    return kept, _lock(compiling_lock(environment), fcntl.LOCK_EX, holding)


def _is_worth_it(environment: Environment) -> bool:
    folder = environment.folder
    # Without packages there is nothing but what virtualenv has put there.
    packages = environment.prefix.glob("lib*/python*/site-packages/*.dist-info")
    if next(packages, None) is None:
        return False
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= LEAST_FREE_BYTES


def _lock(path: Path, kind: int, holding: contextlib.ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    holding.callback(os.close, descriptor)
    fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    return descriptor


def _start(environment: Environment, locks: tuple[int, ...]) -> None:
    done = environment.folder / _DONE
    words: list[str | Path] = ["-I", "-S", _COMPILER, str(MOST_SECONDS), environment.prefix, done]
    # Some interpreters find their own library by it. All else would be somebody's setting.
    variables = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    process = subprocess.Popen(
        [environment.python, *words],
        cwd="/",
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=locks,
        # Ctrl-C at the terminal of `agent execute` is not meant for it.
        start_new_session=True,
    )
    # Nobody waits for it, but a dead child that nobody reaps looks like a leftover of the script.
    threading.Thread(target=process.wait, name="bytecode", daemon=True).start()
    if hasattr(psutil, "IOPRIO_CLASS_IDLE"):
        psutil.Process(process.pid).ionice(psutil.IOPRIO_CLASS_IDLE)
