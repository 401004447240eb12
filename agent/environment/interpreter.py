"""The Python interpreters of this machine, and the one that fits a task."""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elsewhere.contract.errors import BuildError, PythonNotFound

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\S*)?\Z")
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}


@dataclass(frozen=True)
class Interpreter:
    """One interpreter that environments can be made of; never one inside an environment."""

    executable: Path
    implementation: str
    """Such as ``CPython``."""
    version: str
    """In full, such as ``3.11.7`` or ``3.14.0rc1``."""
    platform: str
    """Such as ``linux-x86_64``."""

    @property
    def minor(self) -> str:
        """The part of the version that packages are built for, such as ``3.11``."""
        return ".".join(self.version.split(".")[:2])


@functools.cache
def own() -> Interpreter:
    """The interpreter that the agent itself stands on, known without starting a process."""
    executable = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(
        Path(executable),
        platform.python_implementation(),
        _full_version(sys.version_info),
        sysconfig.get_platform(),
    )


def find(version: str, folders: tuple[Path, ...], cache: Path) -> Interpreter:
    """The interpreter for a task that was captured under Python ``version``.

    The minor version decides, the patch does not. Looked for are, in this order: the agent's
    own, those in ``folders`` (themselves, their ``bin``, or one level deeper), those on ``PATH``
    and those that uv has installed. ``cache`` is where answers of interpreters are kept.

    Raises:
        PythonNotFound: there is none; the message names those that are there.
        BuildError: ``version`` is no version.
    """
    mine = own()
    if not version:
        return mine
    match = _VERSION.match(version)
    if match is None:
        raise BuildError(f"{version!r:.40} is no Python version", "Submit the task again.")
    minor = f"{match[1]}.{match[2]}"
    if minor == mine.minor:
        return mine
    found = _discover(f"cpython{minor}", _candidates(folders, f"python{minor}"), cache)
    if found is not None:
        return found
    listed = "\n".join(f"  {there.version} at {there.executable}" for there in _everything(folders, cache))
    raise PythonNotFound(
        f"Python {minor} is not on this machine; found were\n{listed}",
        f"Install Python {minor} there, or name its folder in ELSEWHERE_PYTHONS.",
    )


def _discover(spec: str, candidates: tuple[str, ...], cache: Path) -> Interpreter | None:
    # Imported here: an environment that is there already needs neither this nor its 0.1 s.
    from python_discovery import DiskCache, get_interpreter

    info = get_interpreter(spec, candidates, DiskCache(cache))
    return None if info is None else _interpreter(info)


def _everything(folders: tuple[Path, ...], cache: Path) -> list[Interpreter]:
    from python_discovery import DiskCache, iter_interpreters

    found = {own().executable.resolve(): own()}
    for info in iter_interpreters(None, _candidates(folders, "python3*[0-9]"), DiskCache(cache)):
        there = _interpreter(info)
        found.setdefault(there.executable.resolve(), there)
    return sorted(found.values(), key=lambda there: [int(part) for part in re.findall(r"\d+", there.version)])


def _candidates(folders: tuple[Path, ...], name: str) -> tuple[str, ...]:
    return tuple(os.fspath(path) for folder in folders for path in _inside(folder, name))


def _inside(folder: Path, name: str) -> Iterator[Path]:
    for pattern in (name, f"bin/{name}", f"*/bin/{name}"):
        yield from sorted(folder.glob(pattern), reverse=True)


def _interpreter(info: Any) -> Interpreter:
    return Interpreter(
        Path(info.system_executable or info.executable),
        info.implementation,
        _full_version(info.version_info),
        info.sysconfig_platform or sysconfig.get_platform(),
    )


def _full_version(version: Any) -> str:
    text = f"{version.major}.{version.minor}.{version.micro}"
    level = _LEVELS.get(version.releaselevel)
    return text if level is None else f"{text}{level}{version.serial}"
