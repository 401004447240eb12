"""The address of a remote repository, without what must stay at the desk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_USER_IN_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@")
_QUERY_IN_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s'\"?]*)\?[^\s'\"]*")
_PASSWORD_IN_SCP = re.compile(r"^([^/:@\s]+):[^/@\s]*@")
_SSH_SCHEMES = frozenset({"ssh", "git+ssh", "ssh+git"})


def without_credentials(url: str) -> str:
    """The URL without password, token or query.

    Over ssh a plain user name is part of the address and stays. Over http even a lone user
    name goes: forges accept a token in its place.
    """
    if "://" not in url:
        return _PASSWORD_IN_SCP.sub(r"\1@", url)
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme.lower() in _SSH_SCHEMES and at:
        host = f"{user.partition(':')[0]}@{host}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def redacted(text: str) -> str:
    """``text`` with the user, password and query of every URL in it cut out: for messages."""
    return _QUERY_IN_URL.sub(r"\1", _USER_IN_URL.sub(r"\1", text))


def is_local(url: str) -> bool:
    """Whether git would read ``url`` as a path on this machine (git's own rule)."""
    if url.startswith("file://"):
        return True
    colon = url.find(":")
    slash = url.find("/")
    return colon < 0 or (0 <= slash < colon)


def resolved(url: str, root: Path, rewrites: Mapping[str, str]) -> str:
    """The address that another machine can use: credentials cut, paths absolute, shorthands spelled out.

    Args:
        url: as the configuration has it.
        root: what a relative path is relative to.
        rewrites: for each prefix that git replaces (``url.NEW.insteadOf OLD``), the new one.
    """
    # A rewrite of a full address is how one desk logs in; only shorthands ("gh:me/work") need it.
    if "://" not in url and "@" not in url.partition(":")[0]:
        prefixes = [prefix for prefix in rewrites if url.startswith(prefix)]
        if prefixes:
            longest = max(prefixes, key=len)
            url = rewrites[longest] + url[len(longest) :]
    if is_local(url) and "://" not in url:
        return str((root / url).resolve())
    return without_credentials(url)
