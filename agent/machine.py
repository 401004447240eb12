"""What the owner of this machine says about attempts: every room's settings, resolved once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from agent import surroundings, workspace
from agent.environment import config as packages
from agent.image import config as image
from agent.monitor import config as monitor
from elsewhere.configuration import require_known
from elsewhere.settings import Folders

KNOWN: Final = (
    "redis_url", "untracked_limit", "bundle_limit", "log_cap", "index_patience",
    "max_environments", "max_repositories", "min_free_bytes", "janitor_seconds",
    "packages", "git", "docker", "attempt", "daemon", "monitor",
)  # fmt: skip
"""Every table of the file, and every setting above all tables; docs/settings.md tells what they mean."""


@dataclass(frozen=True)
class MachineConfig:
    """One part for each room of an attempt."""

    git: workspace.GitConfig = field(default_factory=workspace.GitConfig)
    packages: packages.PackagesConfig = field(default_factory=packages.PackagesConfig)
    image: image.ImageConfig = field(default_factory=image.ImageConfig)
    surroundings: surroundings.SurroundingsConfig = field(default_factory=surroundings.SurroundingsConfig)
    monitor: monitor.MonitorConfig = field(default_factory=monitor.MonitorConfig)

    @property
    def containers(self) -> bool:
        """Whether tasks that name no image run in containers here, of some queue at least."""
        defaults = (self.image.default, *self.image.queues.values())
        return any(default.image for default in defaults)


def configured(
    folders: Folders,
    *,
    packages_origin: str = "",
    docker_image: str = "",
    docker_arguments: tuple[str, ...] = (),
) -> MachineConfig:
    """The settings of the configuration file and the environment, under what a command line says.

    Args:
        folders: where the file is.
        packages_origin: over the file's; "" leaves that.
        docker_image: over the file's default image; "" leaves that.
        docker_arguments: over the file's default arguments; none leaves those.

    Raises:
        ConfigurationError: a setting that is unknown or wrong; the message names it.
    """
    require_known(folders, KNOWN)
    of_packages, of_images = packages.configured(folders), image.configured(folders)
    default = of_images.default
    return MachineConfig(
        git=workspace.configured(folders),
        packages=replace(of_packages, origin=packages_origin or of_packages.origin),
        image=replace(
            of_images,
            default=image.DefaultImage(docker_image or default.image, docker_arguments or default.arguments),
        ),
        surroundings=surroundings.configured(folders),
        monitor=monitor.configured(folders),
    )
