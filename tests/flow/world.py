"""A desk, boxes with agents, and a server: the real parts, as real processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

AGENT = Path(sys.executable).with_name("agent")
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")


def eventually(check: Callable[[], Any], timeout: float = 30.0, what: str = "") -> Any:
    """The first true answer of ``check``; fails when ``timeout`` seconds pass without one."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:.0f} s in vain{': ' + what if what else ''}")
        time.sleep(0.05)


class World:
    """One server database, one home folder, and everything that runs against them."""

    def __init__(self, url: str, home: Path, folder: Path) -> None:
        self.url = url
        self.home = home
        self.folder = folder
        self.settings: dict[str, str] = {}
        """Variables of every process that is started here."""
        self._boxes: list[Box] = []
        self._numbers = itertools.count(1)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ELSEWHERE_", "GIT_"))
        }
        for name in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"):
            kept.pop(name, None)
        return kept | {
            "ELSEWHERE_REDIS_URL": self.url,
            "ELSEWHERE_HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **self.settings,
        }

    def agent(
        self, *arguments: str, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run one `agent` command."""
        done = subprocess.run(
            [str(AGENT), *arguments], env=self.environment, capture_output=True, text=True, timeout=timeout
        )
        if check and done.returncode:
            pytest.fail(f"agent {' '.join(arguments)} exited {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def show(self, task: str) -> dict[str, Any]:
        return json.loads(self.agent("show", task, "--json").stdout)

    def log(self, task: str) -> str:
        return self.agent("logs", task).stdout

    def wait_for(self, task: str, *statuses: str, timeout: float = 60) -> dict[str, Any]:
        """The task, once it has one of these statuses (or has ended otherwise, which fails)."""
        ends = {"completed", "failed", "stopped"}

        def look() -> dict[str, Any] | None:
            shown = self.show(task)
            return shown if shown["status"] in ends | set(statuses) else None

        shown = eventually(look, timeout, f"task {task} to be {statuses}")
        assert shown["status"] in statuses, f"{shown}\n{self.log(task)}"
        return shown

    def box(self, *options: str, name: str | None = None, queue: str = "default") -> Box:
        box = Box(self, name or f"box-{os.getpid()}-{next(self._numbers)}", queue, options)
        self._boxes.append(box)
        return box

    def repository(self, name: str = "repo", **files: str) -> Path:
        """A git repository with one commit of these files (``__`` in a name is a dot)."""
        root = self.folder / name
        root.mkdir()
        for file, text in files.items():
            (root / file.replace("__", ".")).write_text(text)
        self.git(root, "init", "-q")
        self.commit(root)
        return root

    def git(self, root: Path, *arguments: str) -> str:
        done = subprocess.run(
            [*GIT, *arguments], cwd=root, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, root: Path) -> str:
        self.git(root, "add", "-A")
        self.git(root, "commit", "-qm", "work")
        return self.git(root, "rev-parse", "HEAD")

    def desk_run(self, root: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a script at the desk, as its author would."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def submit(self, root: Path, *arguments: str, options: tuple[str, ...] = ()) -> str:
        """`agent submit`; the task's id."""
        done = subprocess.run(
            [str(AGENT), "submit", "--json", *options, *arguments],
            cwd=root, env=self.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["id"]

    def close(self) -> None:
        for box in self._boxes:
            box.destroy()


class Box:
    """One agent daemon, with the supervisors and scripts that it started."""

    def __init__(self, world: World, name: str, queue: str, options: tuple[str, ...]) -> None:
        self.world = world
        self.name = name
        self.log = world.folder / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(AGENT), "daemon", "--queue", queue, "--name", name, *options],
                env=world.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(self._serving, 30, f"{name} to serve")

    def _serving(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"the daemon exited {self.process.returncode}: {self.log.read_text()}")
        return "serving" in self.log.read_text()

    def supervisors(self) -> list[psutil.Process]:
        """Live supervisors of this agent, by their state files."""
        found = []
        for mark in (self.world.home / "state" / "agents" / self.name / "attempts").glob("*/attempt.json"):
            with contextlib.suppress(psutil.Error, OSError, ValueError):
                found.append(psutil.Process(json.loads(mark.read_text())["supervisor"]["pid"]))
        return found

    def kill(self) -> None:
        """kill -9 of the daemon alone."""
        self.process.kill()
        self.process.wait(10)

    def drain(self, timeout: float = 60) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def destroy(self) -> None:
        """The whole box is gone: daemon, supervisors, scripts."""
        if self.process.poll() is None:
            self.kill()
        for supervisor in self.supervisors():
            for process in [*witness_of(supervisor), supervisor, *_children(supervisor)]:
                with contextlib.suppress(psutil.Error):
                    process.kill()


def witness_of(supervisor: psutil.Process) -> list[psutil.Process]:
    """The parent that waits for the supervisor's end: the leader of its session."""
    with contextlib.suppress(psutil.Error, OSError):
        return [psutil.Process(os.getsid(supervisor.pid))]
    return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
