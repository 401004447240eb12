"""A box whose daemon meets its fault at an exact place of its own code."""

from __future__ import annotations

import subprocess
import sys
import time

from flow.world import Box, World, eventually


class InjectedBox(Box):
    """A daemon that runs ``fault``, a piece of Python, before its own program begins."""

    def __init__(self, world: World, name: str, fault: str, *options: str) -> None:
        self.world = world
        self.name = name
        world._boxes.append(self)
        self.log = world.folder / f"{name}-{time.monotonic_ns()}.log"
        program = f"{fault}\nfrom elsewhere._enter import main\nmain()"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, "daemon", "--queue", "default", "--name", name, *options],
                env=world.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(self._serving, 30, f"{name} to serve")
