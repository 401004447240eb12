"""The bytecode of an environment over an image: compiled once, after its first launch, by a container.

The interpreter that could compile it is in the image alone, and attempts may not write to it. What
``agent.environment.bytecode`` says of one compiler at a time, and of a kill, holds here as well.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

from agent.environment import bytecode
from agent.image.environment import ImageEnvironment
from elsewhere.contract.errors import ElsewhereError
from executors.contract import Container, Mount
from executors.docker import Engine

_COMPILER: Final = Path(bytecode.__file__).with_name("compiler.py")
_DONE: Final = ".elsewhere-compiled-inside"
_IDLE: Final = ("--cpu-shares=2", "--network=none")


def compile_soon(environment: ImageEnvironment, engine: Engine) -> threading.Thread | None:
    """See to it that the packages of ``environment`` are compiled soon; returns at once.

    A thread follows the container, which ends with this process; None where there is nothing to do or
    another is at it. The caller must hold the environment. Safe to repeat, for any number of
    processes at once. Never raises: what is not compiled now is compiled when it is imported.
    """
    if not environment.key or _is_compiled(environment):
        return None
    thread = threading.Thread(target=_compile, args=(environment, engine), name="bytecode", daemon=True)
    thread.start()
    return thread


def _compile(environment: ImageEnvironment, engine: Engine) -> None:
    with contextlib.suppress(OSError, ElsewhereError), contextlib.ExitStack() as holding:
        bytecode.hold_to_compile(environment, holding)
        # The last one may have finished since we looked.
        if not _is_compiled(environment):
            done = environment.folder / _DONE
            engine.run(
                Container(
                    environment.image.id,
                    arguments=_IDLE,
                    mounts=(Mount(environment.folder, writable=True), Mount(_COMPILER)),
                    user=f"{os.getuid()}:{os.getgid()}",
                ),
                (
                    str(environment.python),
                    "-I",
                    "-S",
                    str(_COMPILER),
                    str(bytecode.MOST_SECONDS),
                    str(environment.prefix),
                    str(done),
                ),
                environment={},
                working_directory=Path("/"),
                note=lambda _: None,
            )


def _is_compiled(environment: ImageEnvironment) -> bool:
    return (environment.folder / _DONE).exists()
