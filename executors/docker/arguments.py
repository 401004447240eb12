"""Options of ``docker run``, read into values. What of them is permitted is for others to say."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from elsewhere.contract.errors import LaunchError
from executors.docker.volume import Volume, of_mount, of_tmpfs, of_volume


@dataclass(frozen=True)
class Ulimit:
    """A limit of resources; -1 is none."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True)
class Device:
    """A device of this machine, and the path that it has in the container."""

    source: str
    target: str
    permissions: str = "rwm"


@dataclass(frozen=True)
class Options:
    """What was asked for. Empty, None and False mean that it was not."""

    environment: tuple[tuple[str, str], ...] = ()
    volumes: tuple[Volume, ...] = ()
    """Of ``-v``, ``--mount`` and ``--tmpfs``."""
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    network: str = ""
    hostname: str = ""
    hosts: tuple[str, ...] = ()
    """``NAME:ADDRESS``, of ``--add-host``."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    ipc: str = ""
    userns: str = ""
    uts: str = ""
    shm_bytes: int | None = None
    ulimits: tuple[Ulimit, ...] = ()
    memory_bytes: int | None = None
    memory_swap_bytes: int | None = None
    """Memory and swap together; -1 is as much swap as there is."""
    cpus: float | None = None
    cpu_shares: int | None = None
    cpuset: str = ""
    pids_limit: int | None = None
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    """Of ``--security-opt``."""
    privileged: bool = False
    runtime: str = ""
    init: bool = False
    read_only: bool = False
    groups: tuple[str, ...] = ()
    """Further groups of the user, of ``--group-add``."""
    sysctls: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


_OURS: Final = {
    "the image, the command and its folder come from the task": ("--entrypoint", "-w", "--workdir"),
    "the container is named, followed and removed by the agent": (
        "--name", "--rm", "-d", "--detach", "--restart", "--cidfile", "--log-driver", "--log-opt", "--pull",
    ),
    "nobody is there to type": ("-i", "--interactive", "-t", "--tty", "-a", "--attach", "--detach-keys"),
    "the user is the one who runs the agent, whose the files are": ("-u", "--user"),
    "GPUs are handed in by the slot": ("--gpus",),
    "the launch must be able to end all of its processes": ("--pid", "--cgroup-parent", "--cgroupns"),
    "files and variables are named one by one, with -v and -e": ("--env-file", "--volumes-from"),
}  # fmt: skip
"""What ``docker run`` has and a task may not ask for, with the reason."""

_UNITS: Final = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)


def parse(arguments: Sequence[str]) -> Options:
    """The options in these arguments of ``docker run``, without image and command.

    Raises:
        LaunchError: an option that is unknown, ours to decide, or has a value that makes no sense;
            the message names it. It never holds the value of a variable.
    """
    for argument in arguments:
        _refuse_ours(argument)
    found, left = _parser().parse_known_args(list(arguments))
    if left:
        raise LaunchError(
            f"docker arguments: {_named(left[0])} is not an option that a task can use",
            "Remove it, or correct its name; the image's own name does not belong here.",
        )
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in vars(found).items()
    }
    volumes = given.pop("volume") + given.pop("mount") + given.pop("tmpfs")
    return Options(volumes=volumes, **given)


def _refuse_ours(argument: str) -> None:
    option = argument.partition("=")[0]
    for reason, options in _OURS.items():
        if option in options:
            raise LaunchError(f"docker arguments: {option} cannot be given: {reason}", f"Remove {option}.")


def _named(argument: str) -> str:
    return argument.partition("=")[0] if argument.startswith("-") else repr(argument)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise LaunchError(
            f"docker arguments: {message}", "Correct it; `docker run --help` says what it takes."
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False, usage="")

    def one(*names: str, to: str, kind: Any = str, default: Any = "") -> None:
        parser.add_argument(*names, dest=to, type=_told(kind), default=default)

    def many(*names: str, to: str, kind: Any = str) -> None:
        parser.add_argument(*names, dest=to, type=_told(kind), action="append", default=[])

    def flag(name: str, to: str) -> None:
        parser.add_argument(name, dest=to, nargs="?", const=True, default=False, type=_told(_truth))

    many("-e", "--env", to="environment", kind=_variable)
    many("-v", "--volume", to="volume", kind=of_volume)
    many("--mount", to="mount", kind=of_mount)
    many("--tmpfs", to="tmpfs", kind=of_tmpfs)
    many("--device", to="devices", kind=_device)
    many("--device-cgroup-rule", to="device_cgroup_rules")
    one("--network", "--net", to="network")
    one("-h", "--hostname", to="hostname")
    many("--add-host", to="hosts", kind=_host)
    many("--dns", to="dns")
    many("--dns-search", to="dns_search")
    for name in ("ipc", "userns", "uts", "runtime"):
        one(f"--{name}", to=name)
    one("--shm-size", to="shm_bytes", kind=_size, default=None)
    many("--ulimit", to="ulimits", kind=_ulimit)
    one("-m", "--memory", to="memory_bytes", kind=_size, default=None)
    one("--memory-swap", to="memory_swap_bytes", kind=_swap, default=None)
    one("--cpus", to="cpus", kind=_positive, default=None)
    one("-c", "--cpu-shares", to="cpu_shares", kind=int, default=None)
    one("--cpuset-cpus", to="cpuset")
    one("--pids-limit", to="pids_limit", kind=int, default=None)
    many("--cap-add", to="cap_add")
    many("--cap-drop", to="cap_drop")
    many("--security-opt", to="security")
    for name in ("privileged", "init"):
        flag(f"--{name}", name)
    flag("--read-only", "read_only")
    many("--group-add", to="groups")
    many("--sysctl", to="sysctls", kind=_pair)
    many("-l", "--label", to="labels", kind=_label)
    return parser


def _told(kind: Any) -> Any:
    """So that argparse tells our reason, and never the value, which may be a secret."""

    def read(text: str) -> Any:
        try:
            return kind(text)
        except argparse.ArgumentTypeError:
            raise
        except ValueError as error:
            said = "expected a whole number" if kind is int else str(error)
            raise argparse.ArgumentTypeError(said) from None

    return read


def _truth(text: str) -> bool:
    if text.lower() in {"true", "1", "t"}:
        return True
    if text.lower() in {"false", "0", "f"}:
        return False
    raise ValueError("takes no value but true or false")


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("expected a size such as 512m or 8g")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _swap(text: str) -> int:
    return -1 if text == "-1" else _size(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError("expected a number above 0")
    return number


def _pair(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not name or not given:
        raise ValueError("expected NAME=VALUE")
    return name, value


def _variable(text: str) -> tuple[str, str]:
    if text and "=" not in text:
        raise ValueError(f"give {text} a value: the agent's own variables are not handed in")
    return _pair(text)


def _label(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _host(text: str) -> str:
    name, separator, address = text.replace("=", ":", 1).partition(":")
    if not name or not separator or not address:
        raise ValueError("expected NAME:ADDRESS")
    return f"{name}:{address}"


def _ulimit(text: str) -> Ulimit:
    match = re.fullmatch(r"([a-z]+)=(-1|\d+)(?::(-1|\d+))?", text)
    if match is None:
        raise ValueError("expected NAME=SOFT or NAME=SOFT:HARD, such as memlock=-1")
    return Ulimit(match[1], int(match[2]), int(match[3] or match[2]))


def _device(text: str) -> Device:
    parts = text.split(":")
    if not parts[0] or len(parts) > 3:
        raise ValueError("expected SOURCE[:TARGET[:PERMISSIONS]]")
    source, target, permissions = parts[0], parts[0], "rwm"
    if len(parts) == 2 and re.fullmatch("[rwm]{1,3}", parts[1]):
        permissions = parts[1]
    elif len(parts) > 1:
        target = parts[1]
    if len(parts) == 3:
        permissions = parts[2]
    return Device(source, target, permissions)
