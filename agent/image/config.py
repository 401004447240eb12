"""What the machine's owner says about containers, resolved once and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from elsewhere.configuration import Table
from elsewhere.contract.errors import ConfigurationError, ElsewhereError
from elsewhere.settings import Folders

Pull = Literal["missing", "always", "never"]
"""When an image is fetched from its registry."""

ContainerPackages = Literal["", "image-only"]
"""What is installed for a task over what its image has: what it needs, or nothing."""

_SETTINGS: Final = (
    "engine", "image", "arguments", "queues", "allowed_images", "allowed_arguments", "allow_privileged",
    "allowed_mounts", "allow_host_network", "packages", "pull", "ca_certificates", "build_network",
)  # fmt: skip
_OF_QUEUE: Final = ("image", "arguments")


@dataclass(frozen=True)
class DefaultImage:
    """The image of tasks that name none, and the owner's options of all containers."""

    image: str = ""
    """"" where there is none: such tasks run on the machine itself."""
    arguments: tuple[str, ...] = ()
    """Options of ``docker run`` that every container gets, whoever named its image. They are the
    owner's own: no policy is asked."""


@dataclass(frozen=True)
class ImageConfig:
    """What tasks may ask of the container engine of this machine.

    All can be set: in ``elsewhere.toml`` under ``[docker]``, and all but ``queues`` in the environment
    in capitals behind ``ELSEWHERE_DOCKER_`` (``ELSEWHERE_DOCKER_IMAGE``).
    """

    engine: str = ""
    """URL of the engine; "" leaves it to ``DOCKER_HOST``, else takes the usual socket."""
    default: DefaultImage = DefaultImage()
    """``image`` and ``arguments`` of the table."""
    queues: Mapping[str, DefaultImage] = field(default_factory=dict)
    """Over ``default`` for the tasks of a queue: ``[docker.queues.NAME]``."""
    allowed_images: tuple[str, ...] = ()
    """Patterns, such as ``ghcr.io/team/*``, one of which the image of a task must match; none
    allows all. A name without a registry means what it means to the engine."""
    allowed_arguments: tuple[str, ...] = ()
    """Patterns of options, such as ``--device=/dev/infiniband/*``, that a task may use although
    they reach beyond its container; written with ``=``, by their long name."""
    allow_privileged: bool = False
    allowed_mounts: tuple[Path, ...] = ()
    """Folders of this machine that a task may mount, with all that is below them."""
    allow_host_network: bool = False
    packages: ContainerPackages = ""
    pull: Pull = "missing"
    build_network: str = ""
    """Network of the containers that packages are installed in, as ``--network`` takes it; "" leaves it
    to the engine."""
    ca_certificates: Path | None = None
    """Bundle of certificates that package indexes are trusted by, instead of the image's own."""


def configured(folders: Folders) -> ImageConfig:
    """The configuration that the environment and the configuration file ask for.

    Raises:
        ConfigurationError: a setting that is unknown, wrong, or names a file that is not there.
    """
    table = Table("docker", folders, _SETTINGS)
    return ImageConfig(
        engine=table.text("engine"),
        default=DefaultImage(table.text("image"), _arguments(table.texts("arguments"), "[docker] arguments")),
        queues={name: _of_queue(name, entry) for name, entry in table.table("queues").items()},
        allowed_images=table.texts("allowed_images"),
        allowed_arguments=table.texts("allowed_arguments"),
        allow_privileged=table.flag("allow_privileged", default=False),
        allowed_mounts=tuple(_folder(path) for path in table.texts("allowed_mounts")),
        allow_host_network=table.flag("allow_host_network", default=False),
        packages=cast("ContainerPackages", table.choice("packages", "", get_args(ContainerPackages))),
        pull=cast("Pull", table.choice("pull", "missing", get_args(Pull))),
        build_network=table.text("build_network"),
        ca_certificates=_bundle(table.text("ca_certificates")),
    )


def _of_queue(name: str, entry: Any) -> DefaultImage:
    where = f"[docker.queues.{name}]"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} must be a table", f"Begin it with {where}.")
    for key in entry:
        if key not in _OF_QUEUE:
            raise ConfigurationError(f"{where} has no setting {key}", f"Known are {', '.join(_OF_QUEUE)}.")
    image, arguments = entry.get("image", ""), entry.get("arguments", [])
    if not isinstance(image, str):
        raise ConfigurationError(f"{where} image must be text", "Correct it.")
    if not isinstance(arguments, list) or not all(isinstance(item, str) for item in arguments):
        raise ConfigurationError(f"{where} arguments must be a list of texts", "Correct it.")
    return DefaultImage(image, _arguments(tuple(arguments), f"{where} arguments"))


def _arguments(arguments: tuple[str, ...], where: str) -> tuple[str, ...]:
    if not arguments:
        return ()
    # Imported here: most agents run no containers.
    from executors.docker.arguments import parse

    try:
        parse(arguments)
    except ElsewhereError as error:
        raise ConfigurationError(f"{where}: {error.what}", error.next_step) from error
    return arguments


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(
            f"[docker] allowed_mounts: {text} is no absolute path", "Begin it with / or ~."
        )
    return path


def _bundle(text: str) -> Path | None:
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise ConfigurationError(f"[docker] ca_certificates: {path} is no file", "Correct it.")
    return path
