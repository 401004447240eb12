"""An environment that the agent's machine has already: used as it is, never written to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from agent.environment.environment import Environment
from elsewhere.contract.errors import BuildError

_QUESTION: Final = """
import json, platform, site, sys, sysconfig
paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
print(json.dumps({"python": platform.python_version(), "sites": sorted(paths)}))
"""
_PATIENCE_SECONDS: Final = 60


def open_existing(place: str) -> Environment:
    """The environment at ``place``: its folder, or its interpreter.

    Raises:
        BuildError: there is none, or what is there is no Python that runs.
    """
    python = _interpreter(Path(place).expanduser())
    # Not one of ours, and no setting of the agent's shell in it.
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ELSEWHERE_"))
    }
    try:
        ended = subprocess.run(
            [python, "-B", "-c", _QUESTION], capture_output=True, text=True, cwd="/", env=variables,
            timeout=_PATIENCE_SECONDS, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        answer = json.loads(ended.stdout)
        version, sites = str(answer["python"]), tuple(Path(site) for site in answer["sites"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{python} is no Python that runs: {type(error).__name__}",
            "Correct the path of origin `existing:`.",
        ) from error
    folder = python.parent.parent
    return Environment(python, folder, "", reused=True, version=version, sites=sites)


def _interpreter(path: Path) -> Path:
    # Its name counts: what is not called so is not started to find out.
    if path.is_file() and path.name.startswith(("python", "pypy")) and os.access(path, os.X_OK):
        return path.absolute()
    for inside in ("bin/python", "bin/python3"):
        if os.access(path / inside, os.X_OK):
            return (path / inside).absolute()
    raise BuildError(
        f"there is no Python environment at {path} on this machine",
        "Origin `existing:` names the folder of one, or its interpreter.",
    )
