"""Compiles the packages of an environment to bytecode; run by the environment's own interpreter.

usage: python -I -S compiler.py SECONDS FOLDER DONE
FOLDER is what it calls ``sys.prefix``. After SECONDS it gives up. DONE is a file that is made when all is
compiled. Standard library only, and no part of ours, for whatever interpreter that is.
"""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import sys


def main() -> None:
    """Compile with what nobody else wants of the machine."""
    seconds, folder, done = sys.argv[1:4]
    _step_back()
    # A machine that is never idle would keep us, and the locks that we hold, for days.
    signal.alarm(int(seconds))
    import compileall
    import py_compile

    # By time and size of the source, as Python itself does it: what the first script has compiled
    # meanwhile, or we before we were killed, is found and passed over. By hash, each file would be
    # compiled again; and whoever edits a package to look for a fault would not see the edit.
    mode = py_compile.PycInvalidationMode.TIMESTAMP
    for packages in _packages(folder):
        # What cannot be compiled, such as a template, is passed over: no import will compile it either.
        compileall.compile_dir(packages, quiet=2, invalidation_mode=mode)
    with open(done, "w"):  # noqa: PTH123 - pathlib costs 5 ms
        pass


def _packages(folder: str) -> list[str]:
    """Where this very version of Python imports packages from; ``lib64`` is often a link to ``lib``."""
    version = "python{}.{}".format(*sys.version_info[:2])
    found = glob.glob(f"{glob.escape(folder)}/lib*/{version}/site-packages")  # noqa: PTH207 - as above
    return sorted({os.path.realpath(path) for path in found})


def _step_back() -> None:
    with contextlib.suppress(OSError):
        os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


main()
