"""Addresses of repositories: which protocol they speak, where they lead, how they are rewritten."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from agent.credentials import without_credentials
from agent.workspace.config import GitConfig
from elsewhere.contract.errors import UnsafeSource

_HELPER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP: Final = re.compile(r"(?:[^/@:]+@)?([^/:]+):(?!:)(.+)", re.DOTALL)
_SECURE: Final = frozenset({"https", "ssh"})


def protocol(url: str) -> str:
    """The protocol that git would speak to ``url``; ``file`` for a path."""
    helper = _HELPER.match(url)
    if helper:
        return helper[1].lower()
    scheme = _SCHEME.match(url)
    if scheme:
        name = scheme[1].lower()
        return "ssh" if name in ("git+ssh", "ssh+git") else name
    colon, slash = url.find(":"), url.find("/")
    return "file" if colon < 0 or 0 <= slash < colon else "ssh"


def refuse_strange(url: str, parent: str | None, origin: str, config: GitConfig) -> None:
    """Refuse an address that another repository names, unless it is as safe as that one's own.

    Args:
        url: the address; absolute.
        parent: the address of the repository that names it, if it has one.
        origin: what it stands in, such as "the submodule lib", for the message.
        config: which protocols may be spoken at all.

    Raises:
        UnsafeSource: it would be taken for an option, or for a protocol that is not allowed there.
    """
    if not url or url.startswith("-") or not url.isprintable():
        raise UnsafeSource(f"{origin} has the address {without_credentials(url)!r}, which is none", "")
    spoken = protocol(url)
    # A path, or a lookup in an inner network, is only for whoever is let see the outer one there.
    allowed = _SECURE | ({protocol(parent)} if parent else set())
    if spoken not in allowed or spoken not in config.protocols:
        raise UnsafeSource(
            f"{origin} is at {without_credentials(url)!r}, and {spoken} is not allowed there",
            "Give it an address of https or ssh, in .gitmodules and in its remote.",
        )


def resolved(url: str, parent: str | None) -> str:
    """``url`` as git resolves it: ``./`` and ``../`` begin at the repository that names it.

    Raises:
        UnsafeSource: it is relative, and there is nothing that it could begin at, or not so much.
    """
    if not url.startswith(("./", "../")):
        return url
    if parent is None:
        raise UnsafeSource(
            f"{url!r} is relative to a repository that has no address itself", "Give it an absolute one."
        )
    base, rest = parent.rstrip("/"), url
    while rest.startswith(("./", "../")):
        if rest.startswith("./"):
            rest = rest[2:]
            continue
        rest = rest[3:]
        cut = max(base.rfind("/"), -1 if "://" in base else base.rfind(":"))
        shortened = base[: max(cut, 0)]
        if cut < 0 or base.endswith(":") or shortened.endswith(":/") or shortened in ("", "file://"):
            raise UnsafeSource(f"{url!r} leads out of {without_credentials(parent)!r}", "")
        # The colon after a host parts it from the path: the last step up keeps it.
        base = shortened + ":" if base[cut] == ":" else shortened
    return f"{base}{rest}" if base.endswith(":") else f"{base}/{rest}"


def rewritten(url: str, config: GitConfig) -> str:
    """The address that is really asked, by the configuration's ``rewrite``."""
    if config.rewrite == "https-to-ssh" and protocol(url) == "https":
        parts = urlsplit(url)
        return f"ssh://git@{_host(parts.hostname)}{parts.path}"
    if config.rewrite == "ssh-to-https" and protocol(url) == "ssh":
        if "://" in url:
            parts = urlsplit(url)
            return f"https://{_host(parts.hostname)}{parts.path}"
        match = _SCP.match(url)
        if match:
            return f"https://{match[1]}/{match[2].lstrip('/')}"
    return url


def _host(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else name or ""
