"""Where packages are fetched from, and how that is told without a password in anybody's sight."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from agent.credentials import without_credentials
from agent.environment.config import PackagesConfig

INDEX_VARIABLES: Final = (
    "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_NO_INDEX",
    "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_STRATEGY",
    "UV_INDEX_URL", "UV_NO_INDEX",
)  # fmt: skip
"""Variables of the agent that decide where packages come from."""

_OWN: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_NO_INDEX", "UV_NO_INDEX")


@dataclass(frozen=True)
class Index:
    """The indexes of this machine. They may hold credentials, a task's own never do."""

    url: str = field(default="", repr=False)
    extra_urls: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, config: PackagesConfig) -> Index:
        """Those that the machine's owner has named."""
        return cls(config.index_url, config.extra_index_urls)

    @property
    def is_own(self) -> bool:
        """Whether the owner says what is asked, over what a task's files say."""
        return bool(self.url) or any(os.environ.get(name) for name in _OWN)

    def variables(self) -> dict[str, str]:
        """What tells installers of them: variables, since every user can read a command line."""
        variables: dict[str, str] = {}
        if self.url:
            variables.update(UV_DEFAULT_INDEX=self.url, PIP_INDEX_URL=self.url)
        if self.extra_urls:
            joined = " ".join(self.extra_urls)
            variables.update(UV_INDEX=joined, PIP_EXTRA_INDEX_URL=joined)
        return variables

    def facts(self) -> list[object]:
        """What of them decides what an environment holds: not who asks."""
        variables = {name: os.environ[name] for name in INDEX_VARIABLES if name in os.environ}
        return [
            [without_credentials(url) for url in (self.url, *self.extra_urls)],
            {name: without_credentials(value) for name, value in sorted(variables.items())},
        ]

    def hide(self, line: str) -> str:
        """``line`` without credentials, in whatever form an installer or a build prints them."""
        line = without_credentials(line)
        for secret in self._secrets():
            line = line.replace(secret, "****")
        return line

    def _secrets(self) -> set[str]:
        found: set[str] = set()
        for url in (self.url, *self.extra_urls):
            try:
                password = urlsplit(url).password or ""
            except ValueError:
                continue
            # Shorter ones would blot out words that have nothing to do with them.
            found.update(form for form in (password, unquote(password)) if len(form) >= 4)
        return found


_USER: Final = re.compile(r"://[^/\s]*@")


def carries_credentials(text: str) -> bool:
    """Whether a URL in ``text`` has a user or a password in it.

    The user alone of an ssh URL lets nobody in.
    """
    users = _USER.findall(re.sub(r"(?:git\+)?ssh://[^/\s:@]+@", "ssh://", text))
    return bool(users)


def installer_variables(index: Index, kept: Mapping[str, str]) -> dict[str, str]:
    """``kept`` of the agent's own environment with the settings of ``index`` over it."""
    variables = dict(kept)
    if index.url:
        # The old name of the same setting would contradict.
        variables.pop("UV_INDEX_URL", None)
    return {**variables, **index.variables()}
