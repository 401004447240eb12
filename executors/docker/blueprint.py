"""What the engine is told to make: a launch in the words of its interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from elsewhere.contract.errors import LaunchError
from elsewhere.contract.terms import Limits
from executors.contract import Container, Launch, Mount
from executors.docker.arguments import Options

_NANO: Final = 1_000_000_000


def blueprint(
    launch: Launch,
    container: Container,
    options: Options,
    *,
    user: str,
    command: Sequence[str],
    listens: bool,
) -> dict[str, Any]:
    """The body of the engine's ``containers/create``.

    The image's own variables stay below what is set here; its entrypoint and command do not count.

    Args:
        launch: the command, its folder, its variables and limits.
        container: what it runs in.
        options: ``container.arguments``, parsed.
        user: whom the engine shall run it as.
        command: what runs, ``launch.argv`` in the end.
        listens: whether its stdin is what we send, until our end is closed; else it is empty.
    """
    variables = dict(options.environment) | dict(launch.environment)
    return {
        "Image": container.image,
        "Entrypoint": list(command[:1]),
        "Cmd": list(command[1:]),
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "WorkingDir": str(launch.working_directory),
        "User": user,
        "Hostname": options.hostname,
        "Labels": dict(options.labels) | dict(container.labels),
        "OpenStdin": listens,
        "StdinOnce": listens,
        "AttachStdin": listens,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        # A check of the image's own would run beside the command, every few seconds.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host(container, options, launch.limits),
    }


def _host(container: Container, options: Options, limits: Limits) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "Binds": [
            volume.specification for volume in options.volumes if _is_bound(volume.kind, volume.propagation)
        ],
        "Mounts": [*map(_mounted, container.mounts), *_further_mounts(options)],
        "Tmpfs": {each.target: ",".join(each.options) for each in options.volumes if each.kind == "tmpfs"},
        "DeviceRequests": _gpus(container.gpus),
        # What it prints is kept by the agent: the engine's own copy would grow without bounds.
        "LogConfig": {"Type": "none", "Config": {}},
        "Ulimits": [{"Name": each.name, "Soft": each.soft, "Hard": each.hard} for each in options.ulimits],
        "Devices": [
            {"PathOnHost": each.source, "PathInContainer": each.target, "CgroupPermissions": each.permissions}
            for each in options.devices
        ],
        "DeviceCgroupRules": list(options.device_cgroup_rules),
        "NetworkMode": options.network,
        "ExtraHosts": list(options.hosts),
        "Dns": list(options.dns),
        "DnsSearch": list(options.dns_search),
        "IpcMode": options.ipc,
        "UsernsMode": options.userns,
        "UTSMode": options.uts,
        "Runtime": options.runtime,
        "ShmSize": options.shm_bytes,
        "CapAdd": list(options.cap_add),
        "CapDrop": list(options.cap_drop),
        "SecurityOpt": list(options.security),
        "Privileged": options.privileged,
        "Init": options.init,
        "ReadonlyRootfs": options.read_only,
        "GroupAdd": list(options.groups),
        "Sysctls": dict(options.sysctls),
        **_limits(options, limits),
    }
    return {name: value for name, value in asked.items() if value not in (None, "", False, [], {})}


def _limits(options: Options, limits: Limits) -> Mapping[str, Any]:
    """A limit of the task counts, not what its arguments ask for: those are for a task without one."""
    memory, swap = options.memory_bytes, options.memory_swap_bytes
    if limits.memory_bytes is not None:
        memory = swap = limits.memory_bytes
    elif memory is not None and swap is None:
        swap = memory  # else a task that is too large pages for hours before it ends
    cpus = limits.cpus if limits.cpus is not None else options.cpus
    return {
        "Memory": memory,
        "MemorySwap": swap,
        "NanoCpus": None if cpus is None else max(1, round(cpus * _NANO)),
        "CpuShares": options.cpu_shares,
        "CpusetCpus": options.cpuset,
        "PidsLimit": options.pids_limit,
    }


def _is_bound(kind: str, propagation: str) -> bool:
    return kind != "tmpfs" and not propagation


def _further_mounts(options: Options) -> list[dict[str, Any]]:
    return [volume.as_mount() for volume in options.volumes if volume.propagation]


def _mounted(mount: Mount) -> dict[str, Any]:
    if not mount.path.is_absolute():
        raise LaunchError(f"{mount.path} cannot be mounted: it must be an absolute path")
    return {
        "Type": "bind",
        "Source": str(mount.path),
        "Target": str(mount.path),
        "ReadOnly": not mount.writable,
    }


def _gpus(gpus: Sequence[str] | None) -> list[dict[str, Any]]:
    if not gpus:
        return []
    return [{"Driver": "", "Count": 0, "DeviceIDs": list(gpus), "Capabilities": [["gpu"]], "Options": {}}]
