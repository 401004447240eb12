"""One door to git: GitPython starts it, and nothing of the user's shell or hooks misdirects it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from elsewhere.capture.url import redacted
from elsewhere.contract.errors import CaptureError, MissingDependency
from elsewhere.unforked import held

if TYPE_CHECKING:
    from git import Git

# Everything else that begins with GIT_ may point at another repository, index or diff program:
# git sets several of them for its hooks, and a hook is a place to start a run from.
_KEPT = frozenset(
    {
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_SYSTEM",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
    }
)
_KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_PYTHON_", "GIT_SSH")

_SETTINGS = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=true",
)  # fmt: skip

_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # The other machine has no replace refs: what we compare with must be what it will check out.
    "GIT_NO_REPLACE_OBJECTS": "1",
}

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """How one git process ended."""

    status: int
    output: bytes
    """Exactly what it wrote; empty lines at the end are kept."""
    message: str
    """What it said on stderr, without credentials."""


class GitCommand:
    """Runs git in one folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git = _load(folder)

    def run(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: BinaryIO | None = None,
    ) -> Answer:
        """Run git and return how it ended, whatever the exit status.

        Args:
            arguments: subcommand and its arguments.
            settings: configuration for this run, over the user's.
            environment: variables for this run.
            stdin: an open file to read from.

        Raises:
            CaptureError: there is no git on this machine.
        """
        from git.exc import GitCommandNotFound

        try:
            with held():
                status, output, message = self._git.execute(
                    self._argv(arguments, settings or {}),
                    istream=stdin,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    shell=False,
                    env={**_ENVIRONMENT, **(environment or {})},
                )
        except GitCommandNotFound:
            raise _no_git(self._folder) from None
        if status == 127 and not output:
            raise _no_git(self._folder)
        return Answer(status, output, redacted(str(message)))

    def read(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: BinaryIO | None = None,
    ) -> bytes:
        """The exact output of git.

        Raises:
            CaptureError: git failed; the message holds its own words.
        """
        answer = self.run(*arguments, settings=settings, environment=environment, stdin=stdin)
        if answer.status != 0:
            raise self.failure(arguments[0], answer.message)
        return answer.output

    def read_up_to(self, limit: int, *arguments: str) -> bytes | None:
        """The output of git, or None as soon as it is longer than ``limit`` bytes.

        Raises:
            CaptureError: git failed.
        """
        # The guard kills git when it is let go: it must live as long as we read.
        with held():
            guard = self._git.execute(
                self._argv(arguments, {}), as_process=True, shell=False, env=dict(_ENVIRONMENT)
            )
        process = guard.proc
        if process is None or process.stdout is None or process.stderr is None:
            raise self.failure(arguments[0], "it was started without pipes")
        output = bytearray()
        # What git writes to stderr here is a line or two: it fits the pipe, and is read at the end.
        with process, process.stdout, process.stderr:
            while chunk := process.stdout.read(_CHUNK):
                output += chunk
                if len(output) > limit:
                    process.kill()
                    return None
            message = process.stderr.read().decode(errors="replace")
        if process.returncode != 0:
            raise self.failure(arguments[0], redacted(message))
        return bytes(output)

    def failure(self, subcommand: str, message: str) -> CaptureError:
        """The error that tells the user what git said."""
        if "detected dubious ownership" in message:
            lines = [line.strip() for line in message.splitlines()]
            hint = next((line for line in lines if line.startswith("git config")), "")
            return CaptureError(
                f"git does not trust {self._folder}: its files belong to another user",
                f"If you trust it, run: {hint}" if hint else message,
            )
        return CaptureError(
            f"git {subcommand} failed in {self._folder}: {message.strip() or 'no reason given'}"
        )

    def _argv(self, arguments: tuple[str, ...], settings: Mapping[str, str]) -> list[str]:
        # GitPython can add variables to a process, not take any away: `env -u` does, where needed.
        strays = [name for name in os.environ if _is_stray(name)]
        prefix = ["env", *(part for name in strays for part in ("-u", name))] if strays else []
        # -C repeats the working folder: GitPython falls back to another in silence.
        given = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        program = self._git.GIT_PYTHON_GIT_EXECUTABLE or "git"
        return [*prefix, program, "-C", str(self._folder), *_SETTINGS, *given, *arguments]


def _is_stray(name: str) -> bool:
    ours = name in _ENVIRONMENT
    return name.startswith("GIT_") and not (ours or name in _KEPT or name.startswith(_KEPT_PREFIXES))


def _load(folder: Path) -> Git:
    try:
        # Inside the function: importing GitPython takes longer than most of a capture.
        from git import Git
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "GitPython is not installed, and a script in a git repository needs it to be captured",
            "Install it: pip install gitpython",
        ) from error
    except ImportError:
        # GitPython looks for git when it is imported.
        raise _no_git(folder) from None
    return Git(folder)


def _no_git(folder: Path) -> CaptureError:
    return CaptureError(
        f"{folder} is in a git repository, but there is no git program on this machine's PATH",
        "Install git (for example: apt install git), or put it on the PATH.",
    )
