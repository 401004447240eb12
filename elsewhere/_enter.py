"""The door of the `agent` command: puts our own rooms first on the path, then goes in.

In a wheel they lie in ``elsewhere/_house``, in a checkout beside ``elsewhere``. They have
names that many repositories use (`agent`, `queueing`, `executors`), so a wheel must not
drop them at the top level, and ours must win over PYTHONPATH and the current folder here.
Nothing else may know this.
"""

from __future__ import annotations

import os
import sys

ROOMS = ("agent", "queueing", "executors")


def enter() -> None:
    """Make ``import agent`` mean ours, for the rest of this process."""
    root = _root()
    sys.path.insert(0, root)
    for name, module in list(sys.modules.items()):
        # A start-up hook on PYTHONPATH may have imported a package of that name already.
        if name.partition(".")[0] in ROOMS and not _stands_in(root, module):
            del sys.modules[name]


def main() -> int:
    """Run the command line and return its exit code."""
    enter()
    from agent.cli import main as run

    return run()


def _root() -> str:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 8 ms
    house = os.path.join(here, "_house")  # noqa: PTH118
    return house if os.path.isdir(house) else os.path.dirname(here)  # noqa: PTH112, PTH120


def _stands_in(root: str, module: object) -> bool:
    # A folder without __init__.py has no file, and is never ours.
    file = getattr(module, "__file__", None)
    return file is not None and os.path.abspath(file).startswith(root + os.sep)  # noqa: PTH100


if __name__ == "__main__":
    sys.exit(main())
