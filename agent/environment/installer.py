"""What every installer promises, how its process is run, and what its failures mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agent.disk import filled, full
from agent.environment.index import INDEX_VARIABLES, Index, installer_variables
from elsewhere.contract.errors import BuildError, ElsewhereError, PackageNotFound

_KEPT = frozenset(
    {
        *INDEX_VARIABLES,
        "PIP_CACHE_DIR", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT",
        "PIP_KEYRING_PROVIDER", "PIP_PROXY", "PIP_RETRIES", "PIP_TRUSTED_HOST",
        "UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT", "UV_INSECURE_HOST",
        "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_NATIVE_TLS", "UV_OFFLINE", "UV_SYSTEM_CERTS",
    }
)  # fmt: skip
# Credentials of a named index: UV_INDEX_<NAME>_USERNAME and _PASSWORD.
_KEPT_PREFIXES = ("UV_INDEX_",)
# What belongs to the daemon's own shell and virtual environment; and ELSEWHERE_*, which holds the
# server's password: packages run code of their own while they are built.
_DROPPED = re.compile(r"(?:UV|PIP|PYTHON|VIRTUALENV|CONDA|ELSEWHERE)_|PYTHON|VIRTUAL_ENV|__PYVENV")

_UNKNOWN = (
    re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations|cache)"),
    re.compile(r"there (?:is no version|are no versions) of ([^\s,]+)"),
    re.compile(r"only (?:the following versions of )?([A-Za-z0-9._-]+)\S* (?:is|are) available"),
    re.compile(r"No matching distribution found for (\S+)"),
)


_MISMATCH = re.compile(
    r"[Hh]ash mismatch for `?([^\s`]+)|DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.*?: *(\S+) from"
)
"""What uv and pip say of a file that is not the one that was meant."""

_UNREACHABLE = re.compile(
    r"error sending request|tcp connect error|dns error|failed to lookup address|operation timed out"
    r"|Connection (?:refused|reset|aborted|timed out)|Network is unreachable|No route to host|Read timed out"
    r"|Temporary failure in name resolution|NewConnectionError|Max retries exceeded"
    r"|HTTP status server error|\b50[0234] (?:Internal Server|Server Error|Bad Gateway|Service|Gateway)"
)
"""What uv and pip say when nobody answers, or a server that cannot: it may be better in a moment."""


@dataclass(frozen=True)
class Job:
    """One environment that is being filled."""

    folder: Path
    """The environment."""
    index: Index
    note: Callable[[str], None]
    lock: int | None = None
    """Descriptor of the build's lock, if there is one. Children inherit it: as long as one of them,
    orphaned by a kill, still writes into the folder, nobody else starts to build there."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of the installer for this job."""
    interpreter: Path | None = None
    """The environment's interpreter; None where it is not made yet, and will be at the usual place."""

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.interpreter or self.folder / "bin" / "python"

    def run(
        self, command: list[str], *, quiet: bool = False, folder: str | Path = "/", indexes: bool = True
    ) -> Ended:
        """``run`` for this job."""
        return run(command, self, quiet=quiet, folder=folder, indexes=indexes)


@dataclass(frozen=True)
class Ended:
    """How an installer's process ended, and the last lines that it printed."""

    code: int
    lines: tuple[str, ...]

    @property
    def unreachable(self) -> bool:
        """Whether it failed because no index answered."""
        return self.code != 0 and _UNREACHABLE.search(self._text) is not None

    @property
    def _text(self) -> str:
        return " ".join(" ".join(self.lines).split())

    def error(self, job: Job) -> ElsewhereError:
        """What a failure means for the task."""
        text = self._text
        if filled(job.folder, text):
            return full(job.folder)
        # First: to pip, an index that does not answer is one that has no package.
        if self.unreachable:
            return BuildError(
                f"the package index does not answer\n{self._tail()}",
                "Check the network of the agent's machine, and its index settings.",
            )
        wrong = _MISMATCH.search(text)
        if wrong is not None:
            return BuildError(
                f"the hash of {wrong[1] or wrong[2]} is not the recorded one\n{self._tail()}",
                "An index has another file under that name: find out which of the two is the right one.",
            )
        for pattern in _UNKNOWN:
            unknown = pattern.search(text)
            if unknown is not None:
                return PackageNotFound(f"no package index has {unknown[1]}\n{self._tail()}")
        return BuildError(f"the packages cannot be installed\n{self._tail()}", "See the task's log for more.")

    def _tail(self) -> str:
        return "\n".join(f"  {line}" for line in self.lines[-8:])


@dataclass(frozen=True)
class Addition:
    """What is installed beside what is there already."""

    requirements: Path
    """A requirements file."""
    constraints: Path | None = None
    prefix: Path | None = None
    """Where to; None means the environment itself."""
    dependencies: bool = True
    """Whether what the requirements need is installed as well."""
    isolated: bool = True
    """Whether builds see only what they ask for, and not the environment."""
    hashed: bool = False
    """Whether each requirement must have a hash, and its file that one."""


class Installer(Protocol):
    """One program that resolves and installs packages.

    All may be called in any order and number; each says whether it worked, and leaves the
    environment fit for another call if it did not.
    """

    name: str
    seeded: bool
    """Whether it has to be inside the environment."""

    def resolve(self, job: Job, requirements: Path, constraints: Path | None, lock: Path) -> Ended:
        """Write to ``lock`` what ``requirements`` need in all, one pinned line each."""
        ...

    def sync(self, job: Job, lock: Path) -> Ended:
        """Install exactly what ``lock`` lists."""
        ...

    def add(self, job: Job, addition: Addition) -> Ended:
        """Install something more."""
        ...


class InstallerMissing(Exception):
    """The program is not there, or cannot be executed."""


def run(
    command: list[str],
    job: Job,
    *,
    quiet: bool = False,
    folder: str | Path = "/",
    indexes: bool = True,
) -> Ended:
    """Run an installer in ``folder`` to its end, each line that it prints becoming a note.

    With ``quiet`` its lines become notes only when it worked; without ``indexes`` it is not told
    where this machine's packages come from.

    Raises:
        InstallerMissing: the program cannot be executed.
    """
    try:
        process = subprocess.Popen(
            command,
            # Installers look for configuration from the working directory upwards: in / is none.
            cwd=folder,
            env={**_variables(job.index if indexes else None), **job.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=() if job.lock is None else (job.lock,),
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise InstallerMissing(f"{command[0]} cannot be executed: {error.strerror}") from error
    lines: deque[str] = deque(maxlen=200)
    with process:
        for raw in process.stdout or ():
            line = job.index.hide(raw.rstrip())
            if line:
                lines.append(line)
                if not quiet:
                    job.note(line)
    if quiet and process.returncode == 0:
        for line in lines:
            job.note(line)
    return Ended(process.returncode, tuple(lines))


def _variables(index: Index | None) -> dict[str, str]:
    kept = _environment()
    if index is not None:
        return installer_variables(index, kept)
    return {name: value for name, value in kept.items() if name not in INDEX_VARIABLES}


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES) or not _DROPPED.match(name)
    }
    own = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "PYTHONUTF8": "1"}
    return {**kept, **own, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
