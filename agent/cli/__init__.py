"""The `agent` command. One file of this folder is one command, one sub-folder a group of them.

A command's file holds one function ``command``: its signature declares the arguments, its
docstring is the help. Files whose name begins with an underscore are what commands share.
To keep the start fast, a command imports what is heavy (redis, rich, capture) inside its
function; importing this package costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Never raises for what a user did."""
    from agent.cli._application import application
    from agent.cli._failure import report

    # Not by list(): in this package that name is the command, once its file is imported.
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    try:
        # Standing alone, typer would end the process by itself, in words of its own.
        answer = application()(words or ["--help"], prog_name="agent", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        return report(error, as_json="--json" in words)
    return int(answer or 0)
