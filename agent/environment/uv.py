"""uv: installs from its cache by hard links, without asking an index where it can."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from agent.environment.installer import Addition, Ended, InstallerMissing, Job


class Uv:
    """The installer of choice.

    Args:
        program: the binary.
        cache: uv's cache folder; None leaves it to uv.
        trust_cache: whether a resolution may be made of the cache alone, because every version
            that may come out of it is given.
    """

    name = "uv"
    seeded = False

    def __init__(self, program: Path, cache: Path | None, *, trust_cache: bool) -> None:
        self._program = program
        self._cache = [] if cache is None else ["--cache-dir", os.fspath(cache)]
        self._trust_cache = trust_cache

    def resolve(self, job: Job, requirements: Path, constraints: Path | None, lock: Path) -> Ended:
        """Resolve from the cache first where that cannot change the result, else by the index."""
        command = [*self._command("compile", job), os.fspath(requirements)]
        if constraints is not None:
            command += ["--constraints", os.fspath(constraints)]
        command += ["--no-header", "--no-annotate", "--quiet", "--output-file", os.fspath(lock)]
        if self._trust_cache and constraints is not None:
            ended = job.run([*command, "--offline"], quiet=True)
            if ended.code == 0:
                return ended
        return job.run(command)

    def sync(self, job: Job, lock: Path) -> Ended:
        """Install from the cache; ask the index only when something is not in it.

        Without ``--offline`` uv asks the index about every line even when all are cached, which
        takes longer than the installation itself.
        """
        command = [*self._command("sync", job), os.fspath(lock)]
        ended = job.run([*command, "--offline"], quiet=True)
        return ended if ended.code == 0 else job.run(command)

    def add(self, job: Job, addition: Addition) -> Ended:
        """Install from the cache where all is in it, as ``sync`` does."""
        command = [*self._command("install", job), "--requirements", os.fspath(addition.requirements)]
        if addition.constraints is not None:
            command += ["--constraints", os.fspath(addition.constraints)]
        if addition.prefix is not None:
            command += ["--prefix", os.fspath(addition.prefix)]
        command += [] if addition.dependencies else ["--no-deps"]
        command += [] if addition.isolated else ["--no-build-isolation"]
        command += ["--require-hashes"] if addition.hashed else []
        # Without its dependencies, or with hashes, nothing is left to choose: the cache decides nothing.
        if addition.hashed or not addition.dependencies:
            ended = job.run([*command, "--offline"], quiet=True)
            if ended.code == 0:
                return ended
        return job.run(command)

    def of_project(self, verb: list[str], job: Job, folder: Path) -> Ended:
        """Run one of uv's verbs for projects in ``folder``, which it must leave as it is.

        It neither asks an index nor knows of this machine's own: to uv, a lock file that was made
        with another one would be out of date.
        """
        command = [os.fspath(self._program), *verb, "--offline", "--python", os.fspath(job.python)]
        return job.run([*command, *self._cache], quiet=True, folder=folder, indexes=False)

    def _command(self, verb: str, job: Job) -> list[str]:
        return [os.fspath(self._program), "pip", verb, "--python", os.fspath(job.python), *self._cache]


def find() -> Path:
    """The uv binary: the one installed beside the agent, or else the one on ``PATH``.

    Raises:
        InstallerMissing: there is none.
    """
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
        if found is None:
            raise InstallerMissing("uv is not installed beside the agent, nor on PATH") from None
        return Path(found)
