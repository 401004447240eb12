"""What every installer promises, how its process is run, and what its failures mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.credentials import without_credentials
from agent.disk import filled, full
from elsewhere.contract.errors import BuildError, ElsewhereError, PackageNotFound

INDEX_VARIABLES = (
    "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_NO_INDEX",
    "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_STRATEGY",
    "UV_INDEX_URL", "UV_NO_INDEX",
)  # fmt: skip
"""Variables that decide where packages come from."""

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
    index_options: tuple[str, ...]
    note: Callable[[str], None]
    lock: int
    """Descriptor of the build's lock. Children inherit it: as long as one of them, orphaned by a
    kill, still writes into the folder, nobody else starts to build there."""

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"


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
        for pattern in _UNKNOWN:
            unknown = pattern.search(text)
            if unknown is not None:
                return PackageNotFound(f"no package index has {unknown[1]}\n{self._tail()}")
        return BuildError(f"the packages cannot be installed\n{self._tail()}", "See the task's log for more.")

    def _tail(self) -> str:
        return "\n".join(f"  {line}" for line in self.lines[-8:])


class Installer(Protocol):
    """One program that resolves and installs packages.

    ``resolve`` and ``sync`` may be called in any order and number; each says whether it worked,
    and leaves the environment fit for another call if it did not.
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


class InstallerMissing(Exception):
    """The program is not there, or cannot be executed."""


def run(command: list[str], job: Job, *, quiet: bool = False) -> Ended:
    """Run an installer to its end, each line that it prints becoming a note.

    With ``quiet`` its lines become notes only when it worked.

    Raises:
        InstallerMissing: the program cannot be executed.
    """
    try:
        process = subprocess.Popen(
            command,
            # Installers look for configuration from the working directory upwards: here is none.
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(job.lock,),
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise InstallerMissing(f"{command[0]} cannot be executed: {error.strerror}") from error
    lines: deque[str] = deque(maxlen=200)
    with process:
        for raw in process.stdout or ():
            line = without_credentials(raw.rstrip())
            if line:
                lines.append(line)
                if not quiet:
                    job.note(line)
    if quiet and process.returncode == 0:
        for line in lines:
            job.note(line)
    return Ended(process.returncode, tuple(lines))


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES) or not _DROPPED.match(name)
    }
    own = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "PYTHONUTF8": "1"}
    return {**kept, **own, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
