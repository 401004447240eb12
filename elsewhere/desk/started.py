"""How a person started this process: which script or module, where, with which arguments."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the script waits for what is imported here
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Literal

    from elsewhere.capture import Capture
    from elsewhere.desk.prompt import Notebook, Prompt
    from elsewhere.settings import Settings

UNTITLED = "untitled"
"""The name of a run whose script has none: the lines of a prompt."""


PROMPTS = frozenset({"_pyrepl.__main__", "asyncio.__main__"})
"""Modules of Python that are prompts: its own since 3.13, and that of ``python -m asyncio``."""


class Started:
    """How a person started this process.

    Args:
        script: Path of the script, or a module's dotted name.
        kind: Which of them.
        file: Its file.
        arguments: The command line after it.
        working_directory: Where it was started.
        prompt: Where the script is what was typed so far, and stands in no file.
    """

    def __init__(
        self,
        script: str,
        kind: Literal["script", "module"],
        file: Path,
        arguments: tuple[str, ...],
        working_directory: Path,
        prompt: Notebook | Prompt | None = None,
    ) -> None:
        self.script = script
        self.kind: Literal["script", "module"] = kind
        self.file = file
        self.arguments = arguments
        self.working_directory = working_directory
        self.prompt = prompt

    @property
    def name(self) -> str:
        """What the run is called if nobody says otherwise."""
        if self.prompt is not None:
            return self.prompt.name or UNTITLED
        return self.file.stem


def find_started(arguments: tuple[str, ...], working_directory: Path) -> Started:
    """What runs in this process, which was started with ``arguments`` in ``working_directory``.

    Raises:
        CaptureError: no script does, and it is no prompt.
    """
    main: Any = sys.modules.get("__main__")
    if not has_script():
        return _typed(working_directory)
    spec, file = getattr(main, "__spec__", None), main.__file__
    from pathlib import Path

    path = Path(os.path.abspath(working_directory / file))  # noqa: PTH100 - links stay links
    # `python folder` and `python archive.zip` have a spec too, and its name says so.
    if spec is not None and spec.name != "__main__":
        name = spec.name.removesuffix(".__main__")
        return Started(name, "module", path, arguments, working_directory)
    return Started(str(path), "script", path, arguments, working_directory)


def has_script() -> bool:
    """Whether this process runs a script or a module, and is no prompt."""
    main: Any = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    there = file is not None and os.path.exists(file)  # noqa: PTH110 - pathlib costs a script 5 ms
    return there and getattr(spec, "name", "") not in PROMPTS


def watch_cells() -> None:
    """Remember from now on which cell is which, where this process is a notebook's."""
    if "IPython" in sys.modules and not has_script():
        from elsewhere.desk.prompt import find_prompt

        find_prompt()


def capture_started(started: Started, settings: Settings) -> Capture:
    """The run as it is now, with all that was typed at its prompt so far.

    Raises:
        CaptureError: it cannot be captured.
    """
    from dataclasses import replace

    from elsewhere.capture import capture

    text: bytes | None = None
    notes: tuple[str, ...] = ()
    if started.prompt is not None:
        from elsewhere.capture.cells import write_script

        text, notes = write_script(started.prompt.cells(), started.prompt.title, tolerant=True)
    captured = capture(
        started.script,
        started.arguments,
        working_directory=started.working_directory,
        kind=started.kind,
        untracked_limit=settings.untracked_limit,
        bundle_limit=settings.bundle_limit,
        text=text,
    )
    return replace(captured, notes=(*notes, *captured.notes))


def is_worker() -> bool:
    """Whether `multiprocessing` started this process, which may run the script's top level again."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # A spawned one knows its parent only after it has run the top level: until then it is
    # `_inheriting`, which is how multiprocessing itself refuses to spawn from there.
    inheriting = getattr(process.current_process(), "_inheriting", False)
    return inheriting or process.parent_process() is not None


def _typed(working_directory: Path) -> Started:
    from elsewhere.desk.prompt import find_prompt

    prompt = find_prompt()
    if prompt is None:
        from elsewhere.contract.errors import CaptureError

        raise CaptureError(
            "this process runs no script, and is no prompt or notebook",
            "Put the code into a script, and run that.",
        )
    # Its own command line is that of the prompt, or of the notebook's kernel.
    return Started(prompt.script, "script", working_directory / prompt.script, (), working_directory, prompt)
