"""What runs in every interpreter of an attempt before the user's script. It never breaks it.

It stands in for the environment's own ``sitecustomize``, and so runs that one as well. A
failure of ours is silent, unless ``ELSEWHERE_DEBUG`` is 1.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from typing import Any


def _make_output_live() -> None:
    # Line by line, as at a terminal: only where stdout is the very pipe that the supervisor
    # reads. The first interpreter has it for certain, and tells those that it starts.
    own = str(os.fstat(1).st_ino)
    if "ELSEWHERE_MAIN" in os.environ:
        os.environ["ELSEWHERE_OUTPUT"] = own
    if os.environ.get("ELSEWHERE_OUTPUT") == own:
        stdout: Any = sys.stdout
        stdout.reconfigure(line_buffering=True)


def _add_layer() -> None:
    # The packages that the attempt's own tree has: as a folder of packages, so that its links count
    # in every interpreter of the attempt. Before the environment's: what the tree has goes first.
    layer = os.environ.get("ELSEWHERE_LAYER")
    if not layer:
        return
    import site

    there, finders = list(sys.path), list(sys.meta_path)
    for folder in layer.split(os.pathsep):
        site.addsitedir(folder)
    added = [folder for folder in sys.path if folder not in there]
    bases = (sys.prefix, sys.base_prefix)
    packages = [
        place
        for place, folder in enumerate(there)
        if folder.startswith(bases) and os.path.basename(folder) in ("site-packages", "dist-packages")  # noqa: PTH119
    ]
    place = packages[0] if packages else len(there)
    sys.path[:] = [*there[:place], *added, *there[place:]]
    # A finder stands for one package by name: asked first, it says the same as a folder in front.
    links = [finder for finder in sys.meta_path if finder not in finders]
    sys.meta_path[:] = [*links, *finders]


def _hook_command_line() -> None:
    # Other interpreters that the script starts have command lines of their own. But the workers of
    # `multiprocessing` run the script's top level again, with its arguments: one that parses them
    # there must see the same values as the script did. And what a launcher such as torchrun starts
    # is the script.
    parent = str(os.getppid())
    launcher, *programs = os.environ.get("ELSEWHERE_LAUNCHER", "").split("\n")
    is_launched = launcher == parent and not set(programs).isdisjoint(sys.orig_argv)
    if os.environ.pop("ELSEWHERE_MAIN", None) is not None or is_launched:
        os.environ["ELSEWHERE_MAIN_PROCESS"] = str(os.getpid())
    elif os.environ.get("ELSEWHERE_MAIN_PROCESS") != parent or not _is_worker():
        return
    from elsewhere.parameters import hook

    hook.install()


def _is_worker() -> bool:
    words = sys.orig_argv[1:]
    return "--multiprocessing-fork" in words or any("multiprocessing.forkserver" in word for word in words)


def _find_next() -> ModuleSpec | None:
    from importlib.machinery import PathFinder

    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 5 ms
    folders = [os.path.abspath(folder) for folder in sys.path]  # noqa: PTH100 - as above
    return PathFinder.find_spec("sitecustomize", sys.path[folders.index(own) + 1 :])


def _attempt(step: Callable[[], ModuleSpec | None]) -> ModuleSpec | None:
    try:
        return step()
    except Exception:  # noqa: BLE001 - whatever fails of ours, the user's script runs
        if os.environ.get("ELSEWHERE_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        return None


_attempt(_make_output_live)
_attempt(_add_layer)
_attempt(_hook_command_line)
_next = _attempt(_find_next)
if _next is not None and _next.loader is not None:
    from importlib.util import module_from_spec

    # Not guarded: what that one raises, Python reports as it would without us.
    sys.modules["sitecustomize"] = module_from_spec(_next)
    _next.loader.exec_module(sys.modules["sitecustomize"])
