"""The variables that an attempt's process gets: an allowlist of the agent's, and the task's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from elsewhere.configuration import Table
from elsewhere.contract.errors import ConfigurationError, LaunchError
from elsewhere.settings import Folders

# A proxy's password goes along: without it the script has no network. `hidden` takes it out.
_PROXIES: Final = (
    "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip

_USUAL: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TERM", "XDG_*",
    "DISPLAY", "LD_LIBRARY_PATH", "CUDA_*", "NVIDIA_*", "NCCL_*", "ROCR_*", "HIP_*", "OMP_*", "MKL_*",
    "OPENBLAS_*", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *_PROXIES,
)  # fmt: skip
"""What an attempt gets of the agent's own environment: an allowlist, so that no secret of the
agent and no stray setting of the shell that it was started from reaches the user's script."""

_IN_CONTAINERS: Final = (
    "TZ", "TERM", "NCCL_*", "OMP_*", "MKL_*", "OPENBLAS_*", *_PROXIES,
)  # fmt: skip
"""What of it means something inside an image, too. Paths, locales and users are the image's own, and
CUDA_* and NVIDIA_* say which GPUs and libraries the container has been given."""

_ONLY_BY_NAME: Final = (
    "PYTHON*", "VIRTUAL_ENV*", "CONDA_*", "LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV", "GIT_*", "SSH_*",
    "*_TOKEN", "*_KEY", "*_SECRET", "*_PASSWORD", "*_PASSWD", "*_CREDENTIALS", "*_AUTH",
)  # fmt: skip
"""Secrets, and settings that change how every program runs: no pattern reaches them, and only
an owner who writes out such a name hands it to all tasks."""

_NEVER: Final = "ELSEWHERE_"
"""The agent's own settings: the server's password is one."""

_REFUSED: Final = (
    # Our own, and what makes the attempt run where its slot is.
    "ELSEWHERE_*", "PATH", "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
    # Code that runs in every program, before the script or instead of it.
    "LD_PRELOAD", "LD_AUDIT", "DYLD_*", "BASH_ENV", "BASH_FUNC_*", "ENV", "SHELLOPTS", "BASHOPTS", "IFS",
    "PROMPT_COMMAND", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS",
    "PYTHONHOME", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONINSPECT",
    "PYTHONBREAKPOINT",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXEC_PATH", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND",
    "GIT_CONFIG*", "GIT_EDITOR", "GIT_PAGER", "GIT_TEMPLATE_DIR", "SSH_ASKPASS",
)  # fmt: skip
"""What a task may not set. It runs code of its own anyway: this keeps a task that somebody else has
cloned or edited from running more than its tree shows."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATTERN: Final = re.compile(r"[A-Za-z_*?][A-Za-z0-9_*?]*")


@dataclass(frozen=True)
class SurroundingsConfig:
    """Which of the agent's variables attempts get.

    Both can be set: in ``elsewhere.toml`` under ``[attempt]``, in the environment as
    ``ELSEWHERE_ATTEMPT_VARIABLES`` and ``ELSEWHERE_ATTEMPT_HIDDEN``. They are names or patterns
    with ``*`` and ``?``, such as ``AWS_REGION`` or ``NCCL_*``.
    """

    variables: tuple[str, ...] = ()
    """Beside the usual ones. A secret, or a setting of Python, is meant only by its whole name."""
    hidden: tuple[str, ...] = ()
    """Which attempts never get, over everything else that is said here."""


def configured(folders: Folders) -> SurroundingsConfig:
    """The configuration that the environment and the configuration file ask for.

    Raises:
        ConfigurationError: a pattern that no variable can have, or that means the agent's own settings.
    """
    table = Table("attempt", folders, ("variables", "hidden"))
    config = SurroundingsConfig(table.texts("variables"), table.texts("hidden"))
    for pattern in (*config.variables, *config.hidden):
        if not _PATTERN.fullmatch(pattern):
            raise ConfigurationError(
                f"[attempt]: {pattern!r:.60} is no name of variables",
                "Give names or patterns, such as AWS_REGION or NCCL_*.",
            )
    for pattern in config.variables:
        if pattern.startswith(_NEVER):
            raise ConfigurationError(
                f"[attempt] variables: {pattern} would hand the agent's own settings to every task",
                "Take it out; what a script needs to know of its task, Task.init tells it.",
            )
    return config


def passed_on(config: SurroundingsConfig, *, in_container: bool = False) -> dict[str, str]:
    """The agent's variables that an attempt gets, as they are now."""
    usual = _IN_CONTAINERS if in_container else _USUAL
    return {name: value for name, value in os.environ.items() if _passes(name, usual, config)}


def _passes(name: str, usual: tuple[str, ...], config: SurroundingsConfig) -> bool:
    if name.startswith(_NEVER) or _matches(name, config.hidden):
        return False
    if name in config.variables:
        return True
    return _matches(name, (*usual, *config.variables)) and not _matches(name, _ONLY_BY_NAME)


def of_task(lines: Iterable[str]) -> Mapping[str, str]:
    """A task's own variables, from lines such as ``HF_HOME=/data/models``.

    Raises:
        LaunchError: a line is none, or sets what a task may not.
    """
    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        reason = refusal(name) if equals else "is not written as NAME=VALUE"
        if reason is None and "\0" in value:
            reason = "holds a null byte"
        if reason is not None:
            raise LaunchError(f"the task's variable {name!r:.60} {reason}", "Submit the task without it.")
        found[name] = value
    return found


def refusal(name: str) -> str | None:
    """Why a task may not set the variable ``name``, as the end of a sentence; None where it may."""
    if not _NAME.fullmatch(name):
        return "has no name that a variable can have"
    return "is not a task's to set" if _matches(name, _REFUSED) else None


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
