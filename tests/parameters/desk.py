"""A real script in a real interpreter, at a desk or in an attempt behind a real Relay."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from direct_task import DirectTask

from agent.relay import RelayServer, attempt_calls
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.status import Status
from elsewhere.contract.task import JSONValue, NewTask, TaskRecord
from elsewhere.parameters.overrides import parse_override
from elsewhere.startup import lay_sdk
from elsewhere.store.memory import MemoryStore

CHECKOUT = Path(__file__).parents[2]


@dataclass
class Ran:
    """What came of a script."""

    code: int
    stdout: str
    stderr: str
    parameters: dict[str, JSONValue] = field(default_factory=dict)
    """What the store holds afterwards."""
    used: set[str] = field(default_factory=set)
    task: TaskRecord | None = None
    """An attempt's, as the store has it afterwards."""

    @property
    def said(self) -> Any:
        """The last line of stdout, which the script wrote as JSON."""
        assert self.code == 0, self.stderr
        return json.loads(self.stdout.splitlines()[-1])


class Desk:
    """Runs scripts by the interpreter named in ELSEWHERE_TEST_PYTHON, or this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = os.environ.get("ELSEWHERE_TEST_PYTHON", sys.executable)

    def write(self, script: str) -> Path:
        path = self.folder / "train.py"
        path.write_text(script)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ELSEWHERE_", "PYTHON"))}
        if "ELSEWHERE_HOME" not in more:
            # Never the home of whoever tests, and no server but one that the test names.
            kept["ELSEWHERE_HOME"] = f"{self.folder}-home"
            kept["ELSEWHERE_REDIS_URL"] = "redis://127.0.0.1:1/0"
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def run(self, script: str, *arguments: str, **more: str) -> Ran:
        """Run the script at a desk."""
        return self.start(self.write(script), arguments, self.environment(PYTHONPATH=str(CHECKOUT), **more))

    def attempt(
        self,
        script: str,
        *arguments: str,
        stored: Mapping[str, JSONValue] | None = None,
        overrides: tuple[str, ...] = (),
        task: NewTask | None = None,
        **more: str,
    ) -> Ran:
        """Run the script in an attempt whose task holds ``stored``, and ``overrides`` over it; or of ``task``."""
        by_hand = dict(parse_override(text) for text in overrides)
        store = MemoryStore()
        new = NewTask(
            "digits", "svm", TaskSpec(Entry("train.py")), {**(stored or {}), **by_hand}, tuple(by_hand)
        )
        record = store.move(store.create(task or new).id, Status.IN_PROGRESS, expected=Status.CREATED)
        used: set[str] = set()
        lease = Lease(record.id, record.attempt, "box", 20.0)
        folder = Path(tempfile.mkdtemp(prefix="ew-"))
        try:
            with RelayServer(folder / "s", calls=attempt_calls(DirectTask(store, lease), lease, used)):
                environment = self.environment(
                    PYTHONPATH=str(lay_sdk(self.folder / "sdk")),
                    ELSEWHERE_RELAY=str(folder / "s"),
                    ELSEWHERE_TASK_ID=record.id,
                    ELSEWHERE_ATTEMPT=str(record.attempt),
                    ELSEWHERE_MAIN="1",
                    **more,
                )
                if "ELSEWHERE_REDIS_URL" not in more:
                    environment.pop("ELSEWHERE_REDIS_URL", None)  # agents give attempts no server
                ran = self.start(self.write(script), arguments, environment)
        finally:
            shutil.rmtree(folder)
        ran.task = store.get(record.id)
        ran.parameters = dict(ran.task.parameters)
        ran.used = used
        return ran

    def start(self, script: Path, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Ran:
        done = subprocess.run(
            [self.python, script.name, *arguments],
            cwd=self.folder,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)
