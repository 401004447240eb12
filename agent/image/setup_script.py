"""The shell script that a task wants to run in its container before its command.

It runs in the same shell that then becomes the command, so that what it exports reaches the
command; as the same user, in the same folder; and what it prints is in the task's log. A line
of it that fails ends it, as with ``set -e``. The image must have a ``sh``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MARK: Final = ".elsewhere-setup"

# $1 is the script, $2 the mark; the command stands behind them. The mark lies there as long as the
# script runs: however that ends, by `exit`, by a trap of its own or by a signal, it tells that the
# command never began. A function keeps our arguments from a `set --` of the script.
_SHELL: Final = """\
elsewhere_setup() { eval "$1"; }
elsewhere_folder=$PWD
echo running > "$2" || exit
set -e
elsewhere_setup "$1"
set +e
cd "$elsewhere_folder" || exit
rm -f "$2" || : > "$2"
shift 2
exec "$@"
"""


def preceded(argv: tuple[str, ...], script: str, tree: Path) -> tuple[str, ...]:
    """The command that runs ``script`` and then becomes ``argv``; ``argv`` itself without a script.

    Args:
        argv: the command.
        script: lines for a shell.
        tree: the workspace, where ``failure`` finds how it went.
    """
    if not script.strip():
        return argv
    return ("/bin/sh", "-c", _SHELL, "elsewhere-setup", script, str(tree / _MARK), *argv)


def failure(tree: Path, code: int) -> str | None:
    """What to tell of a container whose setup script failed; None where the command itself began.

    Args:
        tree: the workspace.
        code: exit code of the container.
    """
    mark = tree / _MARK
    try:
        if mark.is_symlink() or mark.stat().st_size == 0:
            return None
    except OSError:
        return None
    return (
        f"the image's setup script failed with exit code {code}: the task's own script never began\n"
        "See the end of the task's log. It runs as the agent's user; what needs root belongs into the image."
    )
