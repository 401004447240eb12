"""The reference page of the command line, made of the commands themselves.

``python -m agent.cli._reference > docs/cli.md`` writes it; a test holds it to the commands.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from agent.cli._command_files import CommandFiles

HEAD = """\
# The `agent` command

Made by `python -m agent.cli._reference > docs/cli.md`: change the commands, not this page.

Every command takes `--json`: then stdout holds JSON alone, and an error is one object
`{"error": {"kind", "what", "next_step"}}` on stderr. Times are seconds since the epoch, what is
absent is `null`. A task's id may be shortened to its first digits.

`ELSEWHERE_REDIS_URL` names the server; without it the embedded one of this user is started.
`ELSEWHERE_HOME` is the folder of every file that Elsewhere keeps. `ELSEWHERE_DEBUG=1` shows
tracebacks. `agent --install-completion` teaches the shell to complete.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | an error that nobody foresaw; with `submit --follow`: the task did not complete |
| 2 | a wrong command line or setting |
| 3 | no server answers, or it cannot be used |
| 4 | no task, or more than one, has that id; no agent has that name |
| 5 | the task is in a status from which that is not possible |
| 6 | a newer attempt owns the task |
| 7 | stored data that this version cannot read |
| 8 | the run cannot be captured |
| 9, 10, 11 | the tree, the environment, the command cannot be rebuilt |
| 12 | the disk is full |
| 13 | an unknown parameter, or a value of the wrong type |
| 14 | optional dependencies are missing |
| 130, 141 | interrupted with Ctrl-C; the reader of the output has gone |

`agent execute` exits with the script's own code. `agent submit --dry-run` and `agent build` exit with
the code of what would keep the task from running, and tell it on stdout.
"""


def reference() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(_pages("agent", CommandFiles("agent.cli")))


def _pages(path: str, commands: CommandFiles) -> Iterator[str]:
    for name, command in commands.items():
        here = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _pages(here, command.commands)
        else:
            yield _page(here, command)


def _page(path: str, command: Any) -> str:
    shown = [param for param in command.params if "--help" not in param.opts]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    words = [f"{param.metavar}…" if param.nargs != 1 else param.metavar for param in arguments]
    lines = [f"\n## {path}\n", f"`{' '.join([path, '[OPTIONS]', *words])}`\n", inspect.cleandoc(command.help)]
    lines.append("\n| | |\n| --- | --- |")
    lines += [f"| `{param.metavar}` | {_cell(param.help)} |" for param in arguments]
    for param in shown:
        if param.param_type_name == "option":
            names = ", ".join(param.opts)
            value = "" if param.is_flag else f" {param.metavar}"
            lines.append(f"| `{names}{value}` | {_cell(param.help)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
