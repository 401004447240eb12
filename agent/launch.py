"""Makes the launch of an attempt: the command, where it runs, and its whole environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from agent.surroundings import SurroundingsConfig, of_task, passed_on
from elsewhere.contract.errors import LaunchError
from elsewhere.contract.lease import Lease
from elsewhere.contract.spec import Entry
from elsewhere.contract.terms import Limits
from executors.contract import Container, Launch

CONTAINER_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where images have their programs, unless they say otherwise."""


class Prepared(Protocol):
    """An environment, on this machine or in an image."""

    @property
    def python(self) -> Path:
        """What the script is started with, as the command sees it."""
        ...

    def variables(self, path: str) -> Mapping[str, str]:
        """What tells the script's processes of it, ``PATH`` among them, before ``path``."""
        ...


def build(
    entry: Entry,
    tree: Path,
    environment: Prepared,
    lease: Lease,
    *,
    sdk: Path,
    relay: Path,
    gpus: tuple[str, ...] | None,
    limits: Limits,
    surroundings: SurroundingsConfig = SurroundingsConfig(),  # noqa: B008 - frozen
    container: Container | None = None,
    image_variables: Mapping[str, str] = MappingProxyType({}),
) -> Launch:
    """The launch of ``entry`` in the rebuilt ``tree``, by ``environment``'s interpreter.

    The command is what a person would type at a desk, so that ``sys.argv``, tracebacks
    and ``__main__`` are the same. Its variables are, each over the ones before: those of the
    agent that may pass (in a container the few that mean something there, the image keeping
    its own), the task's, the environment's, and those of the attempt and its GPUs. Folders are
    seen in a ``container`` at the same paths; of its ``image_variables``, those that are lists of
    folders go on behind ours.

    Raises:
        LaunchError: the script is not in the tree, the working directory cannot be, or the task
            asks for a variable that it may not set.
    """
    words, folder = command(entry, tree)
    own = dict(of_task(entry.variables))
    variables = passed_on(surroundings, in_container=container is not None)
    variables.update(own)
    path = variables.get("PATH", os.defpath)
    if container is not None:
        path = image_variables.get("PATH", CONTAINER_PATH)
    variables.update(environment.variables(path))
    variables.update(attempt_variables(lease))
    # The SDK first: what runs before the script must not be the task's to replace by accident.
    paths = (str(sdk), own.get("PYTHONPATH"), image_variables.get("PYTHONPATH"))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    variables.update(ELSEWHERE_RELAY=str(relay), ELSEWHERE_MAIN="1")
    variables.update(_of_gpus(gpus, in_container=container is not None))
    return Launch((str(environment.python), *words), folder, variables, limits, container)


def command(entry: Entry, tree: Path) -> tuple[tuple[str, ...], Path]:
    """What follows the interpreter on the command line, and the folder to start in, which is made.

    Raises:
        LaunchError: the script is not in the tree, or the working directory cannot be.
    """
    folder = _working_directory(entry, tree)
    if entry.kind == "module":
        return ("-m", entry.script, *entry.arguments), folder
    if not entry.script:
        raise LaunchError("the task has nothing to run", "`task.set_script(entry_point=…)` says what.")
    script = tree / entry.script
    if not script.is_file():
        raise LaunchError(
            f"the script {entry.script} is not in the rebuilt tree",
            "Is it ignored by git? Ignored files do not travel with a task.",
        )
    return (os.path.relpath(script, folder), *entry.arguments), folder


def _of_gpus(gpus: tuple[str, ...] | None, *, in_container: bool) -> Mapping[str, str]:
    """What shows CUDA the GPUs of the slot and no others; None leaves it to the machine."""
    if gpus is None:
        return {}
    # Without it CUDA counts the fastest first, and the driver, whose numbers these are, by the bus.
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if not in_container:
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpus), **order}
    # Only those of the slot are in there, and counted from 0 again; parts of GPUs have no such numbers.
    if any(gpu.startswith("MIG-") for gpu in gpus):
        return order
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(len(gpus)))), **order}


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


def attempt_variables(lease: Lease) -> Mapping[str, str]:
    """What tells a process, and whoever looks at it, which attempt it belongs to."""
    return {"ELSEWHERE_TASK_ID": lease.task_id, "ELSEWHERE_ATTEMPT": str(lease.attempt)}
