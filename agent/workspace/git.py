"""Git child processes: what they may read, what they may start, and what they say.

Plain processes instead of a library: one costs 3 to 5 ms, importing GitPython costs over 100.
Local work sees no configuration but the repository's own, so that it gives the same bytes
for every user. A fetch sees the agent user's configuration, where the credentials are, and the
agent's own tokens: their places, told by the environment of that one process.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.credentials import without_credentials
from agent.disk import filled
from agent.workspace.config import GitConfig
from elsewhere.contract.errors import WorkspaceError

NOWHERE = os.devnull

_ALWAYS = {
    # Git's messages are matched in English.
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_ADVICE": "0",
}

_LOCAL = {
    # What is not here is an error, never something to fetch.
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_CONFIG_GLOBAL": NOWHERE,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    # Git before 2.32 does not know GIT_CONFIG_GLOBAL; no git finds a file below this one.
    "HOME": NOWHERE,
    "XDG_CONFIG_HOME": NOWHERE,
}

_QUIET = {
    "core.hooksPath": NOWHERE,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.unpackLimit": "1",
}

# A connection on which nothing moves for five minutes is dead; it would hold the lock for ever.
_STALLED = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "300"}

# Where repositories, objects and configuration are is for us to say, not for the shell or the
# git hook that the daemon may have been started from.
_REDIRECTIONS = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INDEX_VERSION", "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX",
        "GIT_CEILING_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
        "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_TEMPLATE_DIR", "GIT_DEFAULT_HASH",
        "GIT_DEFAULT_REF_FORMAT", "GIT_LITERAL_PATHSPECS", "GIT_EXTERNAL_DIFF", "GIT_ATTR_SOURCE",
        "GIT_ALLOW_PROTOCOL",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a git process answered."""

    code: int
    message: str
    """What it said on stderr, without credentials."""
    output: bytes = b""
    """What it wrote to stdout."""

    def filled(self, path: Path) -> bool:
        """Whether it failed for want of space at ``path``."""
        return self.code != 0 and filled(path, self.message)

    @property
    def reason(self) -> str:
        """The lines of the message that say why, or else its end."""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
        return "; ".join((telling or lines)[-4:]) or f"git ended with code {self.code}"


def local(arguments: list[str], *, git_dir: Path, work_tree: Path | None = None, data: bytes = b"") -> Result:
    """Run git on files of this machine only; ``data`` is its stdin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(_ALWAYS, **_LOCAL)
    return _run(arguments, environment, git_dir, work_tree, data)


def network(
    arguments: list[str],
    *,
    git_dir: Path,
    config: GitConfig,
    work_tree: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Result:
    """Run git with the agent user's configuration and credentials, but without any hook.

    Args:
        arguments: subcommand and its arguments.
        git_dir: the repository.
        config: what it may speak, and where its tokens are.
        work_tree: the repository's, if it has one.
        settings: configuration for this run, over the user's.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _REDIRECTIONS}
    environment.update(_told(config.settings(), environment.get("GIT_CONFIG_COUNT", "")))
    environment["GIT_ALLOW_PROTOCOL"] = ":".join(config.protocols)
    options = [
        part for key, value in {**_QUIET, **(settings or {})}.items() for part in ("-c", f"{key}={value}")
    ]
    return _run(options + arguments, {**_STALLED, **environment, **_ALWAYS}, git_dir, work_tree, b"")


def _told(settings: list[tuple[str, str]], count: str) -> dict[str, str]:
    """Variables that add ``settings`` to the ``count`` that the environment has already."""
    first = int(count) if count.isdecimal() else 0
    told = {}
    for number, (key, value) in enumerate(settings, first):
        told[f"GIT_CONFIG_KEY_{number}"], told[f"GIT_CONFIG_VALUE_{number}"] = key, value
    return {**told, "GIT_CONFIG_COUNT": str(first + len(settings))} if settings else {}


def _run(
    arguments: list[str],
    environment: Mapping[str, str],
    git_dir: Path,
    work_tree: Path | None,
    data: bytes,
) -> Result:
    # Both are always named: git then never searches upwards and finds some other repository.
    places = {"GIT_DIR": str(git_dir), **({"GIT_WORK_TREE": str(work_tree)} if work_tree else {})}
    try:
        ended = subprocess.run(
            ["git", *arguments],
            cwd=work_tree or git_dir.parent,
            env={**environment, **places},
            input=data,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise WorkspaceError("git is not installed on this machine", "Install git there.") from error
    message = without_credentials(ended.stderr.decode("utf-8", "replace"))
    return Result(ended.returncode, message, ended.stdout)
