"""The Python interpreters of this machine, and the one that fits a task."""

from __future__ import annotations

import functools
import itertools
import os
import platform
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.environment.config import PythonPolicy
from elsewhere.contract.errors import BuildError, PythonNotFound

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\S*)?\Z")
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}

OLDEST: Final = (3, 10)
"""What the SDK runs on: an older Python is no stand-in for another."""


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


def find(
    version: str,
    folders: tuple[Path, ...],
    cache: Path,
    policy: PythonPolicy = "minor",
    *,
    note: Callable[[str], None] = lambda _: None,
) -> Interpreter:
    """The interpreter for a task that was captured under Python ``version``.

    Looked for are, in this order: the agent's own, those in ``folders`` (themselves, their ``bin``,
    or one level deeper), those that a version manager of this user keeps, those on ``PATH`` and those
    that uv has installed. ``cache`` is where answers of interpreters are kept.

    ``policy`` says what fits. ``exact``: the version as it was recorded, patch included. ``minor``:
    the first of that minor version, since packages are built for it and patches do not change what
    code may do. ``any``: that too, and where there is none, the nearest minor version from
    ``OLDEST`` on, of two as near the newer one (code that runs on a Python mostly runs on the
    next), of one minor version the newest patch; ``note`` is then told which, for the task's log.

    Raises:
        PythonNotFound: none fits; the message names those that are there.
        BuildError: ``version`` is no version.
    """
    mine = own()
    # Distributions mark their builds with a plus; that is no part of the version.
    version = version.rstrip("+")
    if not version:
        return mine
    match = _VERSION.match(version)
    if match is None:
        raise BuildError(f"{version!r:.40} is no Python version", "Submit the task again.")
    minor = f"{match[1]}.{match[2]}"
    asked = version if policy == "exact" else minor
    if _says(mine.version, asked):
        return mine
    found = _discover(minor, asked, _candidates(folders, f"python{minor}"), cache)
    if found is not None:
        return found
    there = _everything(folders, cache)
    nearest = _nearest(minor, there) if policy == "any" else None
    if nearest is None:
        raise _not_found(asked, policy, there)
    note(f"Python {minor} is not on this machine: taking {nearest.version} at {nearest.executable}")
    return nearest


def _says(version: str, asked: str) -> bool:
    """Whether ``version`` is what was asked for, as far as that says it: 3.11.7 is a 3.11."""
    return version == asked or version.startswith(f"{asked}.")


def _nearest(minor: str, there: list[Interpreter]) -> Interpreter | None:
    major, wanted = (int(part) for part in minor.split("."))

    def rank(one: Interpreter) -> tuple[int, bool, bool, tuple[int, ...]]:
        numbers = _numbers(one.version)
        away = abs(numbers[1] - wanted)
        # A test version of the next Python is the last choice among equals.
        return -away, numbers[1] > wanted, one.version.replace(".", "").isdecimal(), numbers

    fit = [
        one
        for one in there
        if one.implementation == "CPython"
        and _numbers(one.version)[0] == major
        and _numbers(one.version)[:2] >= OLDEST
    ]
    return max(fit, key=rank, default=None)


def _not_found(asked: str, policy: PythonPolicy, there: list[Interpreter]) -> PythonNotFound:
    listed = "\n".join(f"  {one.version} at {one.executable}" for one in there)
    looser = {
        "exact": 'allow another patch version (python_policy = "minor" under [packages])',
        "minor": 'allow another version (python_policy = "any" under [packages])',
        "any": f"have one from {'.'.join(map(str, OLDEST))} on",
    }[policy]
    return PythonNotFound(
        f"Python {asked} is not on this machine; found were\n{listed}",
        f"Install Python {asked} there, name its folder in ELSEWHERE_PYTHONS, or {looser}.",
    )


def _discover(minor: str, asked: str, candidates: tuple[str, ...], cache: Path) -> Interpreter | None:
    # Imported here: an environment that is there already needs neither this nor its 0.1 s.
    from python_discovery import DiskCache, get_interpreter

    def fits(info: Any) -> bool:
        standard = info.implementation == "CPython" and not info.free_threaded
        return standard and _says(_full_version(info.version_info), asked)

    for info in _probed(candidates, cache):
        if fits(info):
            return _interpreter(info)
    info = get_interpreter(f"cpython{minor}", (), DiskCache(cache), _searched(), fits)
    return None if info is None else _interpreter(info)


def _everything(folders: tuple[Path, ...], cache: Path) -> list[Interpreter]:
    """All that are there, by version."""
    from python_discovery import DiskCache, iter_interpreters

    found = {own().executable.resolve(): own()}
    # Two patterns: `python3-config` and `python3.11-gdb.py` are no interpreters.
    candidates = _candidates(folders, "python3.[0-9]") + _candidates(folders, "python3.[0-9][0-9]")
    others = iter_interpreters(None, (), DiskCache(cache), _searched())
    for info in itertools.chain(_probed(candidates, cache), others):
        # One without the lock of the language is another Python: most packages are not built for it.
        if not info.free_threaded:
            there = _interpreter(info)
            found.setdefault(there.executable.resolve(), there)
    return sorted(found.values(), key=lambda there: _numbers(there.version))


def _probed(candidates: tuple[str, ...], cache: Path) -> Iterator[Any]:
    """What the candidates say of themselves; one that is broken is passed over, others may do."""
    from python_discovery import DiskCache, PythonInfo

    for candidate in candidates:
        info = PythonInfo.from_exe(candidate, DiskCache(cache), raise_on_error=False, env=_searched())
        if info is not None:
            yield info


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _searched() -> dict[str, str]:
    """The agent's environment without the shims of version managers.

    A shim stands for whichever version is switched on in the working directory, or fails after
    half a second; the interpreters behind it are found in their own folders.
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in path if Path(folder).name != "shims"]
    return {**os.environ, "PATH": os.pathsep.join(kept)}


def _candidates(folders: tuple[Path, ...], name: str) -> tuple[str, ...]:
    places = (*folders, *_managed())
    return tuple(dict.fromkeys(os.fspath(path) for folder in places for path in _inside(folder, name)))


def _managed() -> tuple[Path, ...]:
    """Where version managers keep this user's interpreters; a service knows no variable of theirs."""
    home = Path.home()
    places = (
        ("PYENV_ROOT", home / ".pyenv", "versions"),
        ("MISE_DATA_DIR", home / ".local" / "share" / "mise", "installs/python"),
        ("ASDF_DATA_DIR", home / ".asdf", "installs/python"),
    )
    return tuple(Path(os.environ.get(variable) or root) / inside for variable, root, inside in places)


def _inside(folder: Path, name: str) -> Iterator[Path]:
    for pattern in (name, f"bin/{name}", f"*/bin/{name}"):
        # The newest patch first: as numbers, since 3.11.10 comes after 3.11.9.
        yield from sorted(folder.glob(pattern), key=lambda path: _numbers(str(path)), reverse=True)


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
