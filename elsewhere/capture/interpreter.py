"""The Python that the user works with, where Elsewhere itself runs in another one."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def active_environment() -> tuple[list[str] | None, str | None]:
    """Folders with the packages of the user's active environment, and its Python version.

    ``(None, None)`` says that it is the one that runs this code, or that none is active.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = os.environ.get(variable)
        if not value:
            continue
        prefix = Path(value)
        if prefix.resolve() == Path(sys.prefix).resolve():
            return None, None
        folders = [str(folder) for folder in sorted(prefix.glob("lib*/python3.*/site-packages"))]
        if folders:
            settings = _read_settings(prefix / "pyvenv.cfg")
            return folders + _system_folders(settings), version_of(prefix)
    return None, None


def _read_settings(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _system_folders(settings: dict[str, str]) -> list[str]:
    if settings.get("include-system-site-packages", "").lower() != "true" or "home" not in settings:
        return []
    base = Path(settings["home"]).parent
    found = [*base.glob("lib*/python3.*/site-packages"), *base.glob("lib/python3/dist-packages")]
    return [str(folder) for folder in sorted(found)]


def version_of(prefix: Path) -> str | None:
    """The version that an environment's files say its Python has; None where they do not."""
    settings = _read_settings(prefix / "pyvenv.cfg")
    for key in ("version", "version_info"):
        match = _VERSION.match(settings.get(key, ""))
        if match:
            return match.group()
    for record in prefix.glob("conda-meta/python-[0-9]*.json"):
        match = _VERSION.match(record.name[len("python-") :])
        if match:
            return match.group()
    return None
