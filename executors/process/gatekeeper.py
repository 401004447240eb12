"""What stands before a command with limits: enters its cgroups, then becomes the command.

usage: python -I -S gatekeeper.py PARENT ENVIRONMENT TOLD COUNT FOLDER... ARGUMENT...
PARENT is the process that wants the command: without it there is nobody to run for.
ENVIRONMENT is a descriptor of NAME=value entries, each ended by a null byte. To TOLD goes
``ready 0``, then a line for each thing that was refused: ``enter ERRNO FOLDER`` or
``exec ERRNO``. Its end of file without the latter says that the command runs.

A shell would start sooner, but is no honest door: it drops what is no name of a variable
of its own (the functions that cluster sites export) and adds PWD and others.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the enums of ``signal`` take as long as all else
import os
import sys


def main() -> None:
    """Enter, and become the command; returns if it cannot."""
    parent, environment, told, count = (int(word) for word in sys.argv[1:5])
    folders, argv = sys.argv[5 : 5 + count], sys.argv[5 + count :]
    os.set_inheritable(told, False)
    os.write(told, b"ready 0\n")
    entries = _read(environment).split(b"\0")[:-1]
    variables = {name: value for name, _, value in (entry.partition(b"=") for entry in entries)}
    # The interpreter ignores these for its own sake; the command must not inherit that.
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    for folder in folders:
        try:
            _enter(folder)
        except OSError as error:
            os.write(told, b"enter %d %s\n" % (error.errno or 0, os.fsencode(folder)))
    if os.getppid() != parent:
        return
    try:
        os.execvpe(argv[0], argv, variables)  # noqa: S606 - that is what we are for
    except OSError as error:
        os.write(told, b"exec %d\n" % (error.errno or 0))


def _enter(folder: str) -> None:
    members = os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    os.write(members, b"0")  # 0 is whoever writes it
    os.close(members)


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


main()
