"""A run at a desk, captured in the background: what cannot be captured hinders nobody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from elsewhere import unforked
from elsewhere.contract.errors import ElsewhereError
from elsewhere.contract.spec import Entry, TaskSpec

if TYPE_CHECKING:
    from pathlib import Path

    from elsewhere.desk.started import Started
    from elsewhere.wish import Wish


FOR_A_CAPTURE = (
    "elsewhere.capture",
    "elsewhere.capture.cells",
    "elsewhere.capture.remote",
    "elsewhere.wish.standing",
    "git",
    "git.exc",
    "importlib.metadata",
)


class Captured(NamedTuple):
    """What is known of a run."""

    spec: TaskSpec
    payloads: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()
    """What the capture has to say to the person at the desk."""
    failure: str = ""
    """Why no more is known than how the run was started; "" where all is."""


def captured(started: Started, wish: Wish | None) -> Captured:
    """The run as it is now, with what was asked for over it.

    Raises:
        CaptureError: it cannot be captured.
        UsageError: what was asked for is not there.
        ConfigurationError: a setting cannot be understood.
    """
    from elsewhere import settings
    from elsewhere.desk.started import capture_started

    unforked.import_all(*FOR_A_CAPTURE)
    found = capture_started(started, settings.load())
    return Captured(
        _wished(found.spec, wish, found.root, started.working_directory),
        (*found.payloads, *(wish.payloads if wish is not None else ())),
        found.notes,
    )


def captured_or_named(started: Started | None, wish: Wish | None) -> Captured:
    """The same, or at least how the run was started, and why there is no more."""
    if started is None:
        return Captured(TaskSpec(Entry("")), failure="this process runs no script")
    try:
        return captured(started, wish)
    except ElsewhereError as error:
        failure = error.what
    except Exception as error:  # noqa: BLE001 - the tree is the user's: whatever is in it, the run goes on
        failure = f"{type(error).__name__}: {error}"
        if os.environ.get("ELSEWHERE_DEBUG") == "1":
            import traceback

            traceback.print_exc()
    script = started.script if started.kind == "module" else started.file.name
    # What no UTF-8 text is cannot be stored, and neither can half of it.
    arguments = tuple(word.encode("utf-8", "backslashreplace").decode() for word in started.arguments)
    entry = Entry(script.encode("utf-8", "backslashreplace").decode(), started.kind, arguments=arguments)
    return Captured(TaskSpec(entry), failure=failure.encode("utf-8", "backslashreplace").decode())


def _wished(spec: TaskSpec, wish: Wish | None, root: Path, working_directory: Path) -> TaskSpec:
    from elsewhere.wish import Wish
    from elsewhere.wish.standing import standing

    return (wish or Wish()).over(standing()).fulfilled(spec, root, working_directory)
