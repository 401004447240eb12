"""The switch in a container that ends its command when the supervisor dies without a word.

The switch beside a process (``executors/process/deadman.py``) cannot reach into a container. This
one is the container's own first process: a shell that hears the end of the connection by which the
supervisor listens to it. Where the supervisor has handed copies of that connection on, the switch
is held back until the last one is closed. Why so: docs/decisions/container-switch.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from elsewhere.contract.errors import LaunchError

SHELL: Final = "/bin/sh"
ASK_TO_END: Final = b"end\n"
_SCRIPT: Final = Path(__file__).with_name("switch.sh")
_MISSING: Final = b"missing"
_REFUSED: Final = b"refused"
_RUNS: Final = b"run"


def switched(argv: Sequence[str]) -> tuple[str, ...]:
    """The command, run by the switch; given as an argument, since a remote engine may not see our files."""
    lines = _SCRIPT.read_text().splitlines()
    script = "\n".join(line for line in lines if not line.startswith("#"))
    return (SHELL, "-c", script, "elsewhere", *argv)


def check_begin(word: bytes, program: str) -> None:
    """Look at the switch's first line.

    Raises:
        LaunchError: the command cannot be started; the message says why.
    """
    if word == _RUNS:
        return
    if word == _MISSING:
        raise LaunchError(
            f"the program {program} is missing in the image",
            "Correct its name or PATH, or use an image that has it.",
        )
    if word == _REFUSED:
        raise LaunchError(
            f"the program {program} may not be executed in the container",
            "Make it executable, also for the user that the container runs as.",
        )
    raise LaunchError(f"{program} cannot be started: the container ended before its command began")
