"""What fetches are told, resolved once and frozen: protocols, rewriting, depth, tokens."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from elsewhere.configuration import Table
from elsewhere.contract.errors import ConfigurationError
from elsewhere.settings import Folders

Rewrite = Literal["", "https-to-ssh", "ssh-to-https"]

_REWRITES: Final = ("", "https-to-ssh", "ssh-to-https")
_KNOWN: Final = ("rewrite", "protocols", "depth", "tokens")
# What else git may be taught to speak runs commands of the URL's choice.
_PROTOCOLS: Final = ("file", "git", "http", "https", "ssh")
_HOST: Final = re.compile(r"(?:https?://)?[A-Za-z0-9._-]+(?::\d+)?\Z")
_USER: Final = re.compile(r"[A-Za-z0-9._@+-]+\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True)
class Token:
    """Where the token for one host is kept. The token itself is never part of any setting."""

    origin: str
    """Such as ``https://git.example.org``."""
    user: str = "git"
    """Most forges take any name beside a token; some ask for one of their own, such as ``x-token-auth``."""
    variable: str = ""
    """Name of the agent's environment variable that holds it."""
    file: Path | None = None
    """Where else its first line is the token."""

    @property
    def helper(self) -> str:
        """A credential helper for git that gives it, and names its place alone.

        Git runs it in a shell, as a child of its own, when this host asks for a password. So the
        token is in nobody's command line and in no file but the one that the user has put it in.
        """
        read = f'token="${{{self.variable}}}"'
        if self.file is not None:
            read = f"{{ IFS= read -r token || :; }} < {shlex.quote(str(self.file))}"
        told = f"printf 'username=%s\\npassword=%s\\n' {shlex.quote(self.user)} \"$token\""
        return f'!f() {{ test "$1" = get || return 0; {read}; {told}; }}; f'


@dataclass(frozen=True)
class GitConfig:
    """How the agent gets at repositories. Table ``[git]`` of ``elsewhere.toml``."""

    rewrite: Rewrite = ""
    """Which kind of URL is asked for in the other's place, where only one of them lets the agent in."""
    protocols: tuple[str, ...] = _PROTOCOLS
    """Which may be spoken. A submodule speaks https, ssh, or what the repository around it speaks."""
    depth: int = 1
    """How many commits of the history a first fetch brings; 0 means all."""
    tokens: tuple[Token, ...] = ()

    def settings(self) -> list[tuple[str, str]]:
        """What git must be told by its environment, to log in with the tokens."""
        told = []
        for token in self.tokens:
            key = f"credential.{token.origin}.helper"
            # The empty one takes back the user's own helpers, which would store the token.
            told += [(key, ""), (key, token.helper)]
        return told


def configured(folders: Folders) -> GitConfig:
    """The configuration that ``elsewhere.toml`` and the environment ask for.

    ``[git.tokens."git.example.org"]`` has ``variable`` or ``file``, and maybe ``user``. A host
    is asked by https; ``http://host`` allows sending its token for everybody on the way to see.

    Raises:
        ConfigurationError: a setting that makes no sense, or a token that is not there.
    """
    default = GitConfig()
    table = Table("git", folders, _KNOWN)
    rewrite = table.choice("rewrite", default.rewrite, _REWRITES)
    protocols = table.texts("protocols", default.protocols)
    unknown = [protocol for protocol in protocols if protocol not in _PROTOCOLS]
    if unknown:
        raise ConfigurationError(
            f"[git] protocols: {unknown[0]!r} is none that may be spoken",
            f"Take some of {', '.join(_PROTOCOLS)}.",
        )
    return GitConfig(
        rewrite=cast(Rewrite, rewrite),
        protocols=protocols,
        depth=table.number("depth", default.depth),
        tokens=tuple(_token(host, entry) for host, entry in table.table("tokens").items()),
    )


def _token(host: str, entry: Any) -> Token:
    where = f'[git.tokens."{host}"]'
    if not _HOST.match(host):
        raise ConfigurationError(f"{where} names no host", 'Write it as [git.tokens."git.example.org"].')
    if not isinstance(entry, Mapping) or not all(isinstance(value, str) for value in entry.values()):
        raise ConfigurationError(f"{where} must hold texts", 'Write variable = "NAME" or file = "PATH".')
    if not set(entry) <= {"user", "variable", "file"} or ("variable" in entry) == ("file" in entry):
        raise ConfigurationError(
            f"{where} must have either variable or file, may have user, and nothing else",
            'Write variable = "NAME" or file = "PATH": where the token is, never the token itself.',
        )
    user, variable = entry.get("user", Token.user), entry.get("variable", "")
    if not _USER.match(user):
        raise ConfigurationError(f"{where} user is no user name", "Leave it out, or correct it.")
    origin = host if "://" in host else f"https://{host}"
    if "variable" in entry:
        # The value of a wrong setting is not shown: it may be the token, put in the wrong place.
        if not _VARIABLE.match(variable) or not os.environ.get(variable):
            raise ConfigurationError(
                f"{where} variable names none that is set in the agent's environment",
                "Set it where the agent is started, or correct the name.",
            )
        return Token(origin, user, variable=variable)
    return Token(origin, user, file=_readable(Path(entry["file"]).expanduser(), where))


def _readable(file: Path, where: str) -> Path:
    try:
        with file.open("rb") as opened:
            empty = not opened.readline().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{where} file cannot be read: {error.strerror}", "Correct the path or its permissions."
        ) from error
    if empty:
        raise ConfigurationError(f"{where} file has an empty first line", "Put the token there.")
    return file.absolute()
