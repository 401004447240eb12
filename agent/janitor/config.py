"""What the janitor is told, resolved once and frozen."""

from __future__ import annotations

from dataclasses import dataclass

from elsewhere.settings import Folders, whole_number

GIB = 1024**3


@dataclass(frozen=True)
class JanitorConfig:
    """How much may be kept. Times are in seconds.

    The first four can be set: in ``elsewhere.toml`` under these names, in the environment in
    capitals behind ``ELSEWHERE_`` (``ELSEWHERE_MAX_ENVIRONMENTS``).
    """

    max_environments: int = 50
    max_repositories: int = 100
    min_free_bytes: int = 2 * GIB
    """Below this the least recently used is removed, until there is so much space again."""
    janitor_seconds: int = 300
    """Between two rounds."""
    idle_seconds: int = 600
    """What was used less long ago stays, however full the disk: it is likely to be used again."""
    workspace_seconds: int = 3600
    """Age from which a workspace that belongs to no living attempt is a leftover."""
    state_seconds: int = 86400
    """Silence after which no daemon is expected back that would care for its dead attempts."""


def configured(folders: Folders) -> JanitorConfig:
    """The configuration that the environment and the configuration file ask for.

    Raises:
        ConfigurationError: a setting that is no whole number from 0 on.
    """
    default = JanitorConfig()
    return JanitorConfig(
        max_environments=whole_number("max_environments", default.max_environments, folders),
        max_repositories=whole_number("max_repositories", default.max_repositories, folders),
        min_free_bytes=whole_number("min_free_bytes", default.min_free_bytes, folders),
        janitor_seconds=whole_number("janitor_seconds", default.janitor_seconds, folders),
    )
