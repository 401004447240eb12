"""A machine with caches, state folders and other processes that use them."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from agent.janitor import JanitorConfig, Swept, sweep
from agent.state import AttemptMark, AttemptState, ProcessMark
from elsewhere.contract.lease import Lease
from elsewhere.settings import Folders

HOUR = 3600.0
MIB = 1024 * 1024
FORK = multiprocessing.get_context("fork")


def set_age(path: Path, seconds: float) -> None:
    """Make ``path`` look as if it was last changed so long ago."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


@dataclass
class Machine:
    """Folders of one user on one machine, and the janitor that goes round there."""

    root: Path
    config: JanitorConfig = field(default_factory=lambda: JanitorConfig(min_free_bytes=0))
    others: list[BaseProcess] = field(default_factory=list)

    @property
    def folders(self) -> Folders:
        return Folders(*(self.root / name for name in ("config", "data", "cache", "state", "run")))

    def sweep(self, **changes: Any) -> Swept:
        return sweep(self.folders, replace(self.config, **changes))

    def environment(self, name: str, *, idle: float = HOUR, size: int = 0) -> Path:
        """A complete environment as a build leaves it, not used for ``idle`` seconds."""
        folder = self.folders.environments / hashlib.sha256(name.encode()).hexdigest()[:32]
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)
        (folder / "library").write_bytes(os.urandom(size))
        (folder / ".elsewhere-ready").write_text(f"{folder.name}\n")
        set_age(folder / ".elsewhere-ready", idle)
        return folder

    def workspace(self, name: str, *, age: float = 2 * HOUR) -> Path:
        folder = self.folders.workspaces / name
        folder.mkdir(parents=True)
        (folder / "train.py").write_text("print(1)\n")
        set_age(folder, age)
        return folder

    def state(self, agent: str, name: str, supervisor: ProcessMark, *, age: float = 0.0) -> AttemptState:
        """The state of an attempt in which nothing moved for ``age`` seconds."""
        state = AttemptState(self.folders.agents / agent / "attempts" / name)
        task, _, attempt = name.rpartition("-")
        lease = Lease(task_id=task, attempt=int(attempt), agent=agent, seconds=20.0)
        state.write_mark(AttemptMark(lease, supervisor))
        for path in (*state.folder.iterdir(), state.folder):
            set_age(path, age)
        return state

    def other(self, work: Callable[..., None], *arguments: Any) -> BaseProcess:
        """Another process that does ``work``."""
        process = FORK.Process(target=work, args=arguments, daemon=True)
        process.start()
        self.others.append(process)
        return process

    def holder(self, hold: Callable[[], Any]) -> BaseProcess:
        """Another process that is inside the context ``hold()`` when this returns, until it is killed."""
        inside = FORK.Event()

        def work() -> None:
            with hold():
                inside.set()
                time.sleep(600)

        process = self.other(work)
        assert inside.wait(20)
        return process
