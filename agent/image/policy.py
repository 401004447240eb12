"""What of a task's container is allowed on this machine. What is not known to be harmless is refused.

Judged is what the executor itself makes of the options (``executors.docker.arguments``), so that
no other spelling of one means less here than there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from agent.image.choice import Choice
from agent.image.config import ImageConfig
from agent.image.name import full_name, matches
from agent.surroundings import refusal
from elsewhere.contract.errors import LaunchError
from executors.docker.address import addresses
from executors.docker.arguments import Options, parse
from executors.docker.volume import Volume

OWN_LABELS: Final = "elsewhere."
"""What the labels begin with by which an agent finds its containers."""

_VOLUME_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_NETWORKS: Final = frozenset({"", "none", "bridge", "default"})
_IPC: Final = frozenset({"", "none", "private", "shareable"})
_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
        "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
"""What engines give to every container anyway."""
_SECURITY: Final = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})
_MOUNT_OPTIONS: Final = frozenset({"cached", "consistent", "delegated", "nocopy"})


class ContainerRefused(LaunchError):
    """The task asks for a container that the machine's owner does not allow."""


@dataclass(frozen=True)
class _Wish:
    """Something that reaches beyond the container, and what an administrator would change to allow it."""

    option: str
    """As a pattern of ``allowed_arguments`` would be written, such as ``--device=/dev/fuse``."""
    setting: str = ""
    """Another setting that is about it."""
    granted: bool = False
    """Whether that one allows it."""
    never: str = ""
    """Why no setting at all can allow it."""


def permitted(choice: Choice, config: ImageConfig, engine: str = "") -> tuple[str, tuple[str, ...]]:
    """The name to ask the engine for, and the options of the container, all of them allowed.

    What the machine's owner has set is not judged, and comes last: of an option that takes one
    value, the owner's counts. Paths are judged as they are at this moment; whoever can replace
    folders inside of an allowed mount can mount what he may see there.

    Args:
        choice: what the task and the owner say.
        config: what the owner allows.
        engine: URL of the engine, whose socket is never handed in; "" means the usual ones.

    Raises:
        ContainerRefused: something is not allowed; the message names it and the setting that is about it.
        LaunchError: an option or a name that makes no sense.
    """
    name = _permitted_name(choice.name, config) if choice.own_name else choice.name
    for wish in _wishes(parse(choice.asked), config, engine):
        _judge(wish, config)
    return name, (*choice.asked, *choice.granted)


def _permitted_name(name: str, config: ImageConfig) -> str:
    full = full_name(name)
    if not config.allowed_images:
        return name
    if not any(matches(full, pattern) for pattern in config.allowed_images):
        raise ContainerRefused(
            f"the image {full} is not allowed on this agent",
            f"Use one that is ({', '.join(config.allowed_images)}), or have its owner add this one to "
            "allowed_images under [docker].",
        )
    # In full: the engine would take some short names for ids of other images.
    return full


def _judge(wish: _Wish, config: ImageConfig) -> None:
    if wish.never:
        raise ContainerRefused(f"docker arguments: {wish.option} is refused: {wish.never}", "Remove it.")
    if wish.granted or any(fnmatchcase(wish.option, pattern) for pattern in config.allowed_arguments):
        return
    setting = wish.setting or f'allowed_arguments = ["{wish.option}"]'
    raise ContainerRefused(
        f"docker arguments: {wish.option} reaches beyond the container, and is not allowed on this agent",
        f"Remove it, or have the agent's owner set {setting} under [docker].",
    )


def _wishes(options: Options, config: ImageConfig, engine: str) -> Iterator[_Wish]:
    if options.privileged:
        yield _Wish("--privileged=true", "allow_privileged = true", config.allow_privileged)
    if options.network == "host":
        yield _Wish("--network=host", "allow_host_network = true", config.allow_host_network)
    elif options.network not in _NETWORKS:
        yield _Wish(f"--network={options.network}")
    if options.ipc not in _IPC:
        yield _Wish(f"--ipc={options.ipc}")
    for option in ("userns", "uts", "runtime"):
        if value := getattr(options, option):
            yield _Wish(f"--{option}={value}")
    for volume in options.volumes:
        yield from _of_volume(volume, config, engine)
    yield from _of_kernel(options)
    yield from _of_names(options)


def _of_kernel(options: Options) -> Iterator[_Wish]:
    for device in options.devices:
        yield _Wish(f"--device={os.path.realpath(device.source)}")
    for rule in options.device_cgroup_rules:
        yield _Wish(f"--device-cgroup-rule={rule}")
    for capability in options.cap_add:
        plain = capability.upper().removeprefix("CAP_")
        if plain not in _CAPABILITIES:
            yield _Wish(f"--cap-add={plain}")
    for security in options.security:
        if security not in _SECURITY:
            yield _Wish(f"--security-opt={security}")
    for name, value in options.sysctls:
        yield _Wish(f"--sysctl={name}={value}")
    for group in options.groups:
        yield _Wish(f"--group-add={group}")


def _of_names(options: Options) -> Iterator[_Wish]:
    for name, _ in options.labels:
        if name.lower().startswith(OWN_LABELS):
            yield _Wish(f"--label={name}", never="the agent finds its own containers by such labels")
    for name, _ in options.environment:
        if refusal(name) is not None:
            # Without its value, which may be a secret.
            yield _Wish(f"--env={name}")


def _of_volume(volume: Volume, config: ImageConfig, engine: str) -> Iterator[_Wish]:
    if volume.kind == "tmpfs":
        return
    shown = f"--volume={volume.source}:{volume.target}"
    # Engines take what stands around a colon apart, whichever part it was meant to be in.
    if ":" in volume.source or ":" in volume.target:
        yield _Wish(shown, never="a path in it has a colon")
    elif volume.kind == "bind":
        yield from _of_bind(volume, shown, config, engine)
    elif volume.source and not _VOLUME_NAME.fullmatch(volume.source):
        yield _Wish(shown, never=f"{volume.source} is no name of a volume")
    elif volume.source:
        # The engine may keep anything under a name, other tasks' files and this machine's among it.
        yield _Wish(shown)
    unusual = [option for option in volume.options if option not in _MOUNT_OPTIONS]
    if volume.propagation or unusual:
        yield _Wish(f"{shown}:{','.join((*unusual, *filter(None, (volume.propagation,))))}")


def _of_bind(volume: Volume, shown: str, config: ImageConfig, engine: str) -> Iterator[_Wish]:
    source = Path(volume.source)
    real = Path(os.path.realpath(source))
    if str(real) != os.fspath(source).rstrip("/") and real != Path("/"):
        # Resolved by the engine later and maybe to something else: so it must be written out.
        yield _Wish(shown, never=f"{source} leads to {real}: write that instead")
    elif not real.exists():
        yield _Wish(shown, never=f"{source} is not on the agent's machine, and would be made there")
    elif any(_holds(real, socket) for socket in _sockets(engine)):
        yield _Wish(shown, never="whoever has the engine's socket has this machine")
    else:
        allowed = any(_holds(Path(os.path.realpath(folder)), real) for folder in config.allowed_mounts)
        yield _Wish(shown, f'allowed_mounts = ["{real}"]', allowed)


def _sockets(engine: str) -> Iterator[Path]:
    for url in {engine or addresses()[0], *addresses(), "unix:///run/docker.sock"}:
        scheme, _, path = url.partition("://")
        if scheme == "unix" and path:
            yield Path(os.path.realpath(path))


def _holds(folder: Path, path: Path) -> bool:
    return path == folder or path.is_relative_to(folder)
