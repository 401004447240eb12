"""A prompt or a notebook that this process is: what was typed at it so far, and how its input is ended.

``docs/decisions/notebook.md`` says what counts of what was typed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from elsewhere.contract.errors import CaptureError
from elsewhere.desk.started import PROMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import NoReturn

    from elsewhere.capture.cells import Cell

_LINES = "<python-input-"
"""How Python 3.13 and later name what is typed at their prompt, in ``linecache``."""


class Halted(BaseException):
    """Ends a cell, or an input at a prompt, and nothing else; what there is to say is all that is shown."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Notebook(NamedTuple):
    """A prompt of IPython, or the kernel of a notebook."""

    shell: Any

    @property
    def name(self) -> str:
        """The notebook's name without its suffix; "" where nobody says."""
        named = self.shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
        path = Path(str(named or ""))
        return path.stem if self.is_kernel and path.suffix == ".ipynb" else ""

    @property
    def title(self) -> str:
        """What its cells are called."""
        return f"cells of {self.name}.ipynb" if self.name else "cells of a notebook"

    @property
    def script(self) -> str:
        """The file name of its script."""
        from elsewhere.capture.notebook import script_name

        return script_name(f"{self.name or 'untitled'}.ipynb")

    @property
    def is_kernel(self) -> bool:
        """Whether its cells stand in a notebook, and may be run again in place."""
        return getattr(self.shell, "kernel", None) is not None

    def cells(self) -> list[Cell]:
        """What ran, in order, with what runs now as the last.

        Raises:
            CaptureError: the prompt has ended, and remembers nothing any more.
        """
        from elsewhere.capture.cells import Cell

        history = self.shell.history_manager
        if history is None:
            raise CaptureError(
                "the prompt ended before what was typed at it could be kept",
                "Leave it a second later, or call execute_remotely in it.",
            )
        inputs = history.input_hist_raw
        typed = {number: text for number, text in enumerate(inputs) if text}
        if not typed:
            return []
        running = max(typed)
        failed = _failed(self.shell)
        counts = {number: text for number, text in typed.items() if number == running or number not in failed}
        if self.is_kernel:
            now = _Ran(_cell_now(self.shell), failed=False)
            counts = _last_of_each(counts, {**_ran, running: now}, running)
        return [Cell(text, f"[{number}]") for number, text in counts.items()]


class Prompt:
    """Python's own prompt."""

    name = ""
    title = "lines of a prompt"
    script = "prompt-lines.py"

    def cells(self) -> list[Cell]:
        """What was typed, in order.

        Raises:
            CaptureError: this Python does not remember it, or a script ran before.
        """
        import linecache

        from elsewhere.capture.cells import Cell

        if sys.argv[0] and Path(sys.argv[0]).parent.name != "asyncio":
            raise CaptureError(
                "what a script did before its prompt opened (`python -i`) is not among the prompt's lines",
                "Call execute_remotely in the script, or begin at an empty prompt.",
            )
        numbers = sorted(
            int(name[len(_LINES) : -1])
            for name in linecache.cache
            if name.startswith(_LINES) and name[-1] == ">"
        )
        if not numbers:
            raise CaptureError(
                "this Python does not remember what was typed at its prompt",
                "Type it at IPython's (`pip install ipython`), or at that of Python 3.13 or later in a "
                "terminal; or put the code into a script, and run that.",
            )
        texts = ("".join(linecache.getlines(f"{_LINES}{number}>")) for number in numbers)
        return [Cell(text, f"[{number + 1}]") for number, text in zip(numbers, texts, strict=True)]


def find_prompt() -> Notebook | Prompt | None:
    """The prompt that this process is, if it is one. A notebook is watched from now on."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        _watch(shell)
        return Notebook(shell)
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name in PROMPTS:
        return Prompt()
    return Prompt() if hasattr(sys, "ps1") and not hasattr(main, "__file__") else None


def halt(text: str) -> NoReturn:
    """End what runs at the prompt, and say ``text``. The prompt goes on.

    From another thread, that thread ends.
    """
    import threading

    if threading.current_thread() is not threading.main_thread():
        sys.stderr.write(f"{text}\n")
        raise SystemExit(0)
    if "IPython" not in sys.modules:
        _hush()
    raise Halted(text)


class _Ran(NamedTuple):
    cell: str
    """The notebook's own id of the cell; "" where it tells none."""
    failed: bool


_ran: dict[int, _Ran] = {}
"""What is known of each run since the notebook is watched, by its number."""
_watched: set[int] = set()


def _watch(shell: Any) -> None:
    if id(shell) not in _watched:
        _watched.add(id(shell))
        shell.events.register("post_run_cell", _note)


def _note(result: Any) -> None:
    if result is None or result.execution_count is None:
        return
    failed = not result.success and not isinstance(result.error_in_exec, Halted)
    cell = getattr(getattr(result, "info", None), "cell_id", None)
    _ran[result.execution_count] = _Ran(cell or "", failed)


def _failed(shell: Any) -> set[int]:
    """Numbers of the runs that ended with an exception of their own."""
    # IPython keeps them itself, since version 9.
    kept: Mapping[int, Any] = getattr(shell.history_manager, "exceptions", None) or {}
    found = {number for number, error in kept.items() if error.get("ename") != Halted.__name__}
    return found | {number for number, ran in _ran.items() if ran.failed}


def _cell_now(shell: Any) -> str:
    header = getattr(shell, "parent_header", None) or {}
    return str(header.get("metadata", {}).get("cellId") or "")


def _last_of_each(texts: Mapping[int, str], ran: Mapping[int, _Ran], running: int) -> dict[int, str]:
    """Each cell as it last ran, at the place where it first ran; what runs now is the last.

    Args:
        texts: What ran, by its number.
        ran: What is known of these runs.
        running: The number of what runs now.
    """
    # Before the notebook was watched nobody told which cell a text was.
    by_text = {texts[number]: seen.cell for number, seen in ran.items() if seen.cell and number in texts}
    places: dict[str, int] = {}
    newest: dict[str, int] = {}
    for number, text in texts.items():
        seen = ran.get(number)
        cell = (seen.cell if seen else "") or by_text.get(text, "") or f"text {text}"
        places.setdefault(cell, len(places))
        if number == running:
            places[cell] = sys.maxsize
        newest[cell] = number
    return {newest[cell]: texts[newest[cell]] for cell in sorted(places, key=places.__getitem__)}


def _hush() -> None:
    """Show the next exception, if it halts, without its traceback."""
    shown: Callable[..., object] = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if sys.excepthook is show:
            sys.excepthook = shown
        if isinstance(error, Halted):
            sys.stderr.write(f"{error}\n")
        else:
            shown(kind, error, trace)

    sys.excepthook = show
