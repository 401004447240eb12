"""How a person started this process: which script or module, where, with which arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

from elsewhere.contract.errors import CaptureError


class Started(NamedTuple):
    """How a person started this process."""

    script: str
    """Path of the script, or a module's dotted name."""
    kind: Literal["script", "module"]
    file: Path
    arguments: tuple[str, ...]
    working_directory: Path


def find_started(arguments: tuple[str, ...], working_directory: Path) -> Started:
    """What runs in this process, which was started with ``arguments`` in ``working_directory``.

    Raises:
        CaptureError: no script does.
    """
    main: Any = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    if file is None or not Path(file).exists():
        raise CaptureError(
            "this process runs no script: a notebook's or prompt's lines cannot be captured yet",
            "Put the code into a script, and run that.",
        )
    path = Path(os.path.abspath(working_directory / file))  # noqa: PTH100 - links stay links
    # `python folder` and `python archive.zip` have a spec too, and its name says so.
    if spec is not None and spec.name != "__main__":
        name = spec.name.removesuffix(".__main__")
        return Started(name, "module", path, arguments, working_directory)
    return Started(str(path), "script", path, arguments, working_directory)


def is_worker() -> bool:
    """Whether `multiprocessing` started this process, which may run the script's top level again."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # A spawned one knows its parent only after it has run the top level: until then it is
    # `_inheriting`, which is how multiprocessing itself refuses to spawn from there.
    inheriting = getattr(process.current_process(), "_inheriting", False)
    return inheriting or process.parent_process() is not None
