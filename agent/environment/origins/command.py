"""Programs of other package managers: found on PATH, or named as missing."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent.environment.installer import Ended, InstallerMissing, Job
from elsewhere.contract.errors import BuildError


def find_command(title: str, *names: str) -> Path:
    """The first of the commands that is on PATH.

    Raises:
        BuildError: none is; the message names them.
    """
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise BuildError(
        f"{title} needs {' or '.join(names)}, which is not on the PATH of this agent",
        "Install it there, or take what was recorded (origin `recorded`).",
    )


def run_command(command: list[str], job: Job, folder: Path) -> None:
    """Run it in ``folder`` to its end.

    Raises:
        BuildError: it failed, or cannot be executed.
    """
    try:
        ended: Ended = job.run(command, folder=folder)
    except InstallerMissing as missing:
        raise BuildError(str(missing), "Check that command on the agent's machine.") from missing
    if ended.code != 0:
        raise ended.error(job)
