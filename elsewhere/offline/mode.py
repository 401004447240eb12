"""Whether runs at this desk go to the store, or into a folder."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` and `pathlib` cost more to import than all of this
if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "ELSEWHERE_OFFLINE"
FOLDER_VARIABLE = "ELSEWHERE_OFFLINE_FOLDER"


def is_offline() -> bool:
    """Whether runs that begin now go into a folder."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")


def choose(offline: bool) -> None:
    """Say it for all runs that begin from here on, in this process and in those that it starts."""
    os.environ[VARIABLE] = "1" if offline else "0"


def sessions_folder() -> Path:
    """The folder in which sessions are kept: ``ELSEWHERE_OFFLINE_FOLDER``, or one beside the user's data."""
    from pathlib import Path

    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    from elsewhere.settings import find_folders

    return find_folders().data / "offline"
