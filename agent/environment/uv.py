"""uv: installs from its cache by hard links, without asking an index where it can."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from agent.environment.installer import Ended, InstallerMissing, Job, run


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
            ended = run([*command, "--offline"], job, quiet=True)
            if ended.code == 0:
                return ended
        return run(command, job)

    def sync(self, job: Job, lock: Path) -> Ended:
        """Install from the cache; ask the index only when something is not in it.

        Without ``--offline`` uv asks the index about every line even when all are cached, which
        takes longer than the installation itself.
        """
        command = [*self._command("sync", job), os.fspath(lock)]
        ended = run([*command, "--offline"], job, quiet=True)
        return ended if ended.code == 0 else run(command, job)

    def _command(self, verb: str, job: Job) -> list[str]:
        program = os.fspath(self._program)
        return [program, "pip", verb, "--python", os.fspath(job.python), *self._cache, *job.index_options]


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
