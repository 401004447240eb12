"""Configuration files: read as bytes at a desk, laid down in an attempt."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from elsewhere.contract.errors import UsageError
from elsewhere.contract.write import LONGEST_CONFIGURATION, check_size

_folder: tuple[int, Path] | None = None


def read_file(name: str, path: str | Path) -> bytes:
    """The bytes of the file at ``path``, for the configuration ``name``.

    Raises:
        UsageError: there is no file, it cannot be read, or it is over 8 MiB.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path of whatever kind
            check_size(name, os.fstat(file.fileno()).st_size)
            data = file.read(LONGEST_CONFIGURATION + 1)
    except (OSError, ValueError) as error:  # a zero byte in its name is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"the configuration file {os.fspath(path)!r} cannot be read: {reason}",
            "Give the path of a file; relative ones count from the working directory.",
        ) from error
    check_size(name, len(data))  # what is no plain file may have no size
    return data


def lay_down(data: bytes, own: str | Path) -> str | Path:
    """A file with these bytes and the name of the script's ``own``; a path of the same kind.

    It lies in a folder of this process alone, which is gone when the process ends.
    """
    folder = Path(tempfile.mkdtemp(dir=_private_folder()))
    path = folder / Path(own).name
    path.write_bytes(data)
    return str(path) if isinstance(own, str) else path


def _private_folder() -> Path:
    global _folder
    # A forked child goes on with the files of its parent, and makes a folder for its own.
    if _folder is None or _folder[0] != os.getpid():
        made = Path(tempfile.mkdtemp(prefix="elsewhere-"))
        _folder = (os.getpid(), made)
        atexit.register(_remove, *_folder)
    return _folder[1]


def _remove(process: int, folder: Path) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
