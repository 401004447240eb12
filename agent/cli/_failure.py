"""What a command says when it fails, and the exit code that it fails with."""

from __future__ import annotations

import json
import os
import sys
import traceback

from elsewhere.contract.errors import ElsewhereError, MissingDependency, UsageError

UNFORESEEN = 1
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells report it."""
READER_GONE = 141
"""128 and the number of SIGPIPE."""

OWN_PACKAGES = frozenset({"elsewhere", "agent", "queueing", "executors"})


def report(error: BaseException, *, as_json: bool) -> int:
    """Say on stderr what went wrong and what to do next, and return the exit code.

    With ELSEWHERE_DEBUG set, the traceback comes first.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _let_go_of_stdout()
        return READER_GONE
    if os.environ.get("ELSEWHERE_DEBUG"):
        traceback.print_exception(type(error), error, error.__traceback__)
    known = _understood(error)
    if known is None:
        what = f"unforeseen {type(error).__name__}: {error}"
        _say(type(error).__name__, what, "Set ELSEWHERE_DEBUG=1 to see the traceback.", as_json)
        return UNFORESEEN
    _say(type(known).__name__, known.what, known.next_step, as_json)
    return known.exit_code


def _understood(error: BaseException) -> ElsewhereError | None:
    if isinstance(error, ElsewhereError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package not in OWN_PACKAGES:
            return MissingDependency(
                f"this command needs the package {package}, which is not installed",
                "pip install 'elsewhere[agent]'",
            )
    # A wrong command line. Its class is click's, or typer's own copy of click's: which one
    # depends on typer's version, but all versions can word it.
    words = getattr(error, "format_message", None)
    if callable(words):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "agent"
        return UsageError(str(words()), f"`{path} --help` shows what it takes.")
    return None


def _say(kind: str, what: str, next_step: str, as_json: bool) -> None:
    if as_json:
        text = json.dumps({"error": {"kind": kind, "what": what, "next_step": next_step}})
    else:
        text = f"error: {what}"
        if next_step:
            text += f"\n{next_step}"
    sys.stderr.write(text + "\n")


def _let_go_of_stdout() -> None:
    """Point stdout nowhere, so that the interpreter does not complain when it flushes at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
