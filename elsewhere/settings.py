"""Where files live and which server is used: resolved once, into frozen objects.

Order, the first that says something wins: an argument, an ``ELSEWHERE_*`` environment
variable, ``elsewhere.toml`` in the configuration folder, the default.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elsewhere.contract.errors import ConfigurationError

MIB = 1024 * 1024


@dataclass(frozen=True)
class Folders:
    """The folders in which Elsewhere keeps its files; the one place that knows all paths."""

    config: Path
    data: Path
    cache: Path
    state: Path
    sockets: Path
    """Short, private and on a local disk: the path of a Unix socket may have 107 bytes at most."""

    @property
    def config_file(self) -> Path:
        """The configuration file, whether it is there or not."""
        return self.config / "elsewhere.toml"

    @property
    def server(self) -> Path:
        """Data, log and lock of the embedded server."""
        return self.data / "server"

    @property
    def server_socket(self) -> Path:
        """Unix socket of the embedded server."""
        return self.sockets / "server.sock"

    @property
    def repositories(self) -> Path:
        """Bare repositories, one for each origin."""
        return self.cache / "repositories"

    @property
    def environments(self) -> Path:
        """Built environments, named by the hash of what they hold."""
        return self.cache / "environments"

    @property
    def workspaces(self) -> Path:
        """Rebuilt trees, one for each attempt."""
        return self.cache / "workspaces"

    @property
    def sdk(self) -> Path:
        """What attempts find on their path: the SDK and nothing else."""
        return self.cache / "sdk"

    @property
    def agents(self) -> Path:
        """State of the agents of this machine and of their attempts."""
        return self.state / "agents"


@dataclass(frozen=True)
class Settings:
    """What a desk needs to know."""

    folders: Folders
    redis_url: str | None = None
    """None means the embedded server of this user."""
    untracked_limit: int = 10 * MIB
    """Bytes of untracked files that may travel with a task."""
    bundle_limit: int = 256 * MIB
    """Bytes of unpushed commits that may travel with a task."""
    log_cap: int = 64 * MIB
    """Bytes of a task's log that the store keeps, as agents write it; the oldest are cut, and marked."""
    web_url: str | None = None
    """Address below which people see their tasks, such as ``https://elsewhere.example.org``."""


def load() -> Settings:
    """Resolve the settings from the environment and the configuration file.

    Raises:
        ConfigurationError: a file or variable that cannot be understood; the message names it.
    """
    folders = find_folders()
    table = read_file(folders.config_file)
    return Settings(
        folders=folders,
        redis_url=os.environ.get("ELSEWHERE_REDIS_URL") or _text(table, "redis_url", folders.config_file),
        untracked_limit=_bytes("untracked_limit", table, folders.config_file, 10 * MIB),
        bundle_limit=_bytes("bundle_limit", table, folders.config_file, 256 * MIB),
        log_cap=_bytes("log_cap", table, folders.config_file, 64 * MIB),
        web_url=os.environ.get("ELSEWHERE_WEB_URL") or _text(table, "web_url", folders.config_file),
    )


def whole_number(name: str, default: int, folders: Folders) -> int:
    """The setting ``name``, in capitals behind ``ELSEWHERE_`` or as it is in the configuration file.

    Raises:
        ConfigurationError: it is no whole number from 0 on; the message names where it stands.
    """
    path = folders.config_file
    return _number(name, read_file(path), path, default, "a whole number")


def seconds(name: str, default: float, folders: Folders) -> float:
    """The setting ``name``, as ``whole_number`` finds it, in seconds.

    Raises:
        ConfigurationError: it is no number from 0 on; the message names where it stands.
    """
    path = folders.config_file
    variable = f"ELSEWHERE_{name.upper()}"
    value: object = os.environ.get(variable, read_file(path).get(name, default))
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < math.inf:
        where = variable if variable in os.environ else f"{path}: {name}"
        raise ConfigurationError(f"{where} must be a number of seconds, not {value!r}", "Correct it.")
    return number


def find_folders() -> Folders:
    """The folders under ``ELSEWHERE_HOME``, or else the platform's own for this user."""
    home = os.environ.get("ELSEWHERE_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Folders(root / "config", root / "data", root / "cache", root / "state", _sockets(root))
    import platformdirs

    names = platformdirs.PlatformDirs("elsewhere", appauthor=False)
    state = names.user_state_path
    return Folders(
        names.user_config_path, names.user_data_path, names.user_cache_path, state, _sockets(state)
    )


def _sockets(root: Path) -> Path:
    beside = root / "run"
    # Room for "/" and a name of 40 characters below it, within the kernel's 107 bytes.
    if len(os.fsencode(beside)) <= 60:
        return beside
    mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"elsewhere-{os.getuid()}-{mark}"


def read_file(path: Path) -> dict[str, Any]:
    """What a configuration file holds; nothing where it is missing.

    Raises:
        ConfigurationError: it cannot be read, or is not valid TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}", "Correct the file.") from error


def _text(table: dict[str, Any], name: str, path: Path) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{path}: {name} must be text", "Correct the file.")
    return value or None


def _bytes(name: str, table: dict[str, Any], path: Path, default: int) -> int:
    return _number(name, table, path, default, "a number of bytes")


def _number(name: str, table: dict[str, Any], path: Path, default: int, kind: str) -> int:
    variable = f"ELSEWHERE_{name.upper()}"
    value: object = os.environ.get(variable, table.get(name, default))
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        where = variable if variable in os.environ else f"{path}: {name}"
        raise ConfigurationError(f"{where} must be {kind}, not {value!r}", "Correct it.")
    return int(number)
