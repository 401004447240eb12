"""What the machine's owner says about packages, resolved once and frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from elsewhere.configuration import Table
from elsewhere.contract.errors import ConfigurationError
from elsewhere.contract.spec import Packages
from elsewhere.settings import Folders, whole_number
from elsewhere.wish import ORIGINS_TO_CHOOSE, is_origin

PythonPolicy = Literal["exact", "minor", "any"]
"""Which interpreter may stand in for the one of the desk: the same version in full, another patch
of the same minor version, or any."""

INDEX_PATIENCE_SECONDS: Final = 60

_SETTINGS: Final = (
    "origin", "index_url", "extra_index_urls", "no_build_isolation", "index_patience", "python_policy",
)  # fmt: skip


@dataclass(frozen=True)
class PackagesConfig:
    """Where packages come from on this machine, whatever a task says.

    All can be set: in ``elsewhere.toml`` under ``[packages]``, in the environment in capitals
    behind ``ELSEWHERE_PACKAGES_`` (``ELSEWHERE_PACKAGES_INDEX_URL``).
    """

    origin: str = ""
    """Over what a task asks for: one of ``wish.ORIGINS`` or ``existing:PATH``; "" leaves it to the task."""
    # Indexes may hold a password: they are kept out of every traceback.
    index_url: str = field(default="", repr=False)
    """The index that is asked; "" leaves it to the installer. It may hold credentials."""
    extra_index_urls: tuple[str, ...] = field(default=(), repr=False)
    """Indexes that are asked before that one. They may hold credentials."""
    no_build_isolation: tuple[str, ...] = ()
    """Names of packages that need the others to be installed when they are built."""
    index_patience: int = INDEX_PATIENCE_SECONDS
    """Seconds for which an index that does not answer is tried again."""
    python_policy: PythonPolicy = "minor"

    def origin_of(self, packages: Packages, note: Callable[[str], None]) -> str:
        """Where a task's packages come from; ``note`` is told where that is not what it asks for."""
        if self.origin and packages.origin and self.origin != packages.origin:
            note(
                f"packages come from {self.origin}, as this agent is configured,"
                f" and not from {packages.origin}, which the task asks for"
            )
        return self.origin or packages.origin


def configured(folders: Folders) -> PackagesConfig:
    """The configuration that the environment and the configuration file ask for.

    Raises:
        ConfigurationError: a setting that is unknown or wrong; its value, which may be a secret, is
            not told.
    """
    table = Table("packages", folders, _SETTINGS)
    # Before there was a table for packages, the patience stood by itself.
    patience = whole_number("index_patience", INDEX_PATIENCE_SECONDS, folders)
    policy = table.choice("python_policy", "minor", get_args(PythonPolicy))
    return PackagesConfig(
        origin=_origin(table.text("origin")),
        index_url=table.text("index_url"),
        extra_index_urls=table.texts("extra_index_urls"),
        no_build_isolation=table.texts("no_build_isolation"),
        index_patience=table.number("index_patience", patience),
        python_policy=cast("PythonPolicy", policy),
    )


def _origin(text: str) -> str:
    try:
        return check_origin(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"[packages] origin: {error.what}", error.next_step) from error


def check_origin(origin: str) -> str:
    """``origin`` itself, if there is such a one.

    Raises:
        ConfigurationError: there is not.
    """
    if is_origin(origin):
        return origin
    raise ConfigurationError(f"packages cannot come from {origin!r:.60}", ORIGINS_TO_CHOOSE)
