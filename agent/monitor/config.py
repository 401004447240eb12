"""What the resource monitor is told, resolved once and frozen."""

from __future__ import annotations

from dataclasses import dataclass

from elsewhere.configuration import Table
from elsewhere.settings import Folders


@dataclass(frozen=True)
class MonitorConfig:
    """How often an attempt is looked at: ``[monitor]`` in ``elsewhere.toml``."""

    seconds: int = 5
    """Between two looks; 0 looks never. Where a look takes long, there are fewer."""


def configured(folders: Folders) -> MonitorConfig:
    """The configuration that the environment and the configuration file ask for.

    Raises:
        ConfigurationError: a setting that is unknown, or no whole number from 0 on.
    """
    table = Table("monitor", folders, known=("seconds",))
    return MonitorConfig(seconds=table.number("seconds", MonitorConfig.seconds))
