"""An environment that is complete: what it says of itself, and how it is kept while it is used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.disk import space_needed
from agent.environment.freeze import freeze, sites_of
from agent.lock import locked
from elsewhere.contract.built import Built
from elsewhere.contract.errors import BuildError

READY: Final = ".elsewhere-ready"
"""The mark of a complete environment; its time says when it was last used."""


class EnvironmentRemoved(BuildError):
    """It was there, and somebody made room."""


@dataclass(frozen=True)
class Environment:
    """An environment that is complete, with the layer that one attempt has over it."""

    python: Path
    """Its interpreter: what a script is started with."""
    folder: Path
    key: str
    """32 hexadecimal digits that stand for what it holds; "" for one that is not ours, and that
    nothing may be written to."""
    reused: bool
    """Whether it was there before this call."""
    layer: Path | None = None
    """Folder of the packages that the attempt's own tree has; None without any."""
    version: str = ""
    """Of its Python, in full."""
    sites: tuple[Path, ...] = ()
    """The folders that its packages are in."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it from being removed as long as the block runs; any number may hold it at once.

        Raises:
            EnvironmentRemoved: it was removed since it was prepared.
        """
        if not self.key:
            yield
            return
        with locked(lock_of(self.folder), shared=True):
            if not is_ready(self.folder):
                raise EnvironmentRemoved(
                    f"environment {self.key[:10]} was removed meanwhile", "Start the task again."
                )
            yield

    def touch(self) -> None:
        """Say that it was used until now."""
        if self.key:
            with suppress(OSError):
                os.utime(self.folder / READY)

    @property
    def prefix(self) -> Path:
        """What the interpreter calls ``sys.prefix``."""
        return self.python.parent.parent

    def variables(self, path: str) -> Mapping[str, str]:
        """What tells an attempt's processes of it; ``path`` is the ``PATH`` that it goes before."""
        variables = {}
        folders = [str(self.python.parent), path]
        if (self.prefix / "conda-meta").is_dir():
            variables["CONDA_PREFIX"] = str(self.prefix)
        elif (self.prefix / "pyvenv.cfg").is_file():
            variables["VIRTUAL_ENV"] = str(self.prefix)
        if self.layer is not None:
            folders.insert(0, str(self.layer / "bin"))
            # Read by what runs before the script in each interpreter: see elsewhere/startup.
            variables["ELSEWHERE_LAYER"] = os.pathsep.join(map(str, sites_of(self.layer)))
        return {**variables, "PATH": os.pathsep.join(folders)}

    def built(self) -> Built:
        """What it holds, the layer's packages with it. Starts no process."""
        recorded = read_mark(self.folder).get("packages") if self.key else None
        packages = tuple(map(str, recorded)) if isinstance(recorded, list) else freeze(self.sites)
        if self.layer is not None:
            packages = (*packages, *freeze(sites_of(self.layer)))
        return Built(self.key, self.version, tuple(sorted(set(packages), key=str.lower)))


def is_ready(folder: Path) -> bool:
    """Whether it is complete, and the interpreter that it stands on still there."""
    return (folder / READY).exists() and (folder / "bin" / "python").exists()


def mark_ready(folder: Path, key: str, prefix: Path, python: str) -> None:
    """Say that the environment is complete, and what it holds.

    For good: a power cut leaves it unmarked or whole. Where ``python`` is "", its files tell the version.
    """
    from elsewhere.capture.interpreter import version_of

    mark = {
        "key": key,
        "prefix": prefix.relative_to(folder).as_posix(),
        "python": python or version_of(prefix) or "",
        "packages": freeze(sites_of(prefix)),
    }
    with (folder / READY).open("w", encoding="utf-8") as file:
        json.dump(mark, file)
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def building(folder: Path, note: Callable[[str], None]) -> Iterator[int]:
    """Hold the environment in ``folder`` alone, to build it; gives the lock's descriptor.

    Who has to wait is told so. In the meantime it may have been built: look once more.

    Raises:
        DiskFull: there is no space for it.
        BuildError: it cannot be written for another reason.
    """

    def waiting() -> None:
        note(f"waiting for environment {folder.name[:10]}, which another attempt builds")

    try:
        with space_needed(folder), locked(lock_of(folder), on_wait=waiting) as lock:
            yield lock
    except OSError as error:
        raise BuildError(f"the environment {folder} cannot be written: {error}") from error


def clear(folder: Path) -> None:
    """Remove what there is of an environment."""
    if folder.exists():
        # First the mark: a removal that is killed must not leave something that looks complete.
        (folder / READY).unlink(missing_ok=True)
        shutil.rmtree(folder)


def read_mark(folder: Path) -> dict[str, object]:
    """What ``mark_ready`` has written; nothing where it cannot be read."""
    try:
        mark = json.loads((folder / READY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def opened(folder: Path, *, reused: bool) -> Environment:
    """The complete environment in ``folder``."""
    mark = read_mark(folder)
    prefix = folder / str(mark.get("prefix", "."))
    python = prefix / "bin" / "python"
    version = str(mark.get("python", ""))
    return Environment(python, folder, folder.name, reused, version=version, sites=sites_of(prefix))


def last_used(folder: Path) -> float | None:
    """When the environment was last used, in seconds since the epoch; None for one that is not complete."""
    try:
        return (folder / READY).stat().st_mtime if is_ready(folder) else None
    except FileNotFoundError:
        return None


def lock_of(folder: Path) -> Path:
    """The lock of the environment in ``folder``: shared by its users, taken alone to build or remove it."""
    return folder.with_name(f"{folder.name}.lock")
