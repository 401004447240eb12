"""Makes the launch of an attempt: the command, where it runs, and its whole environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.environment import Environment
from elsewhere.contract.errors import LaunchError
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry
from elsewhere.contract.terms import Limits
from executors.contract import Launch

_PASSED_ON: Final = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TERM|XDG_\w+|DISPLAY"
    r"|LD_LIBRARY_PATH|(CUDA|NVIDIA|NCCL|ROCR|HIP|OMP|MKL|OPENBLAS)_\w+"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(http|https|no|all)_proxy|(HTTP|HTTPS|NO|ALL)_PROXY"
)
"""What an attempt gets of the agent's own environment: an allowlist, so that no secret of the
agent and no stray setting of the shell that it was started from reaches the user's script."""


def build(
    entry: Entry,
    tree: Path,
    environment: Environment,
    lease: Lease,
    *,
    sdk: Path,
    relay: Path,
    gpus: tuple[str, ...] | None,
    limits: Limits,
) -> Launch:
    """The launch of ``entry`` in the rebuilt ``tree``, by ``environment``'s interpreter.

    The command is what a person would type at a desk, so that ``sys.argv``, tracebacks
    and ``__main__`` are the same.

    Raises:
        LaunchError: the script is not in the tree, or the working directory cannot be.
    """
    folder = _working_directory(entry, tree)
    command: tuple[str, ...]
    if entry.kind == "module":
        command = ("-m", entry.script)
    else:
        script = tree / entry.script
        if not script.is_file():
            raise LaunchError(
                f"the script {entry.script} is not in the rebuilt tree",
                "Is it ignored by git? Ignored files do not travel with a task.",
            )
        command = (os.path.relpath(script, folder),)
    variables = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    variables.update(_of_environment(environment, variables.get("PATH", os.defpath)))
    variables.update(attempt_variables(lease))
    variables.update(PYTHONPATH=str(sdk), ELSEWHERE_RELAY=str(relay), ELSEWHERE_MAIN="1")
    if gpus is not None:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    return Launch((str(environment.python), *command, *entry.arguments), folder, variables, limits)


def _working_directory(entry: Entry, tree: Path) -> Path:
    folder = (tree / entry.working_directory).resolve()
    if not folder.is_relative_to(tree.resolve()):
        raise LaunchError(f"the working directory {entry.working_directory} lies outside the rebuilt tree")
    try:
        # Git keeps no empty folders, and ignored ones do not travel: at the desk it was there.
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LaunchError(
            f"the working directory {entry.working_directory} cannot be made: {error.strerror}"
        ) from error
    return folder


def _of_environment(environment: Environment, path: str) -> Mapping[str, str]:
    return {
        "VIRTUAL_ENV": str(environment.folder),
        "PATH": f"{environment.python.parent}{os.pathsep}{path}",
    }


def attempt_variables(lease: Lease) -> Mapping[str, str]:
    """What tells a process, and whoever looks at it, which attempt it belongs to."""
    return {"ELSEWHERE_TASK_ID": lease.task_id, "ELSEWHERE_ATTEMPT": str(lease.attempt)}
