"""What of ``-v``, ``--mount`` and ``--tmpfs`` is put where in a container."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

_FLAGS: Final = {"", "1", "true"}
_NAME: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*)?")
_NAMES: Final = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}


@dataclass(frozen=True)
class Volume:
    """Files that a container sees at ``target``."""

    kind: Literal["bind", "volume", "tmpfs"]
    """A path of this machine, a volume that the engine keeps, or memory."""
    source: str
    """A path, or a volume's name; "" for a nameless volume and for memory."""
    target: str
    writable: bool = True
    options: tuple[str, ...] = ()
    """Further ones, as they were written behind the colon of ``-v`` or ``--tmpfs``."""
    propagation: str = ""

    def __post_init__(self) -> None:
        if not self.target.startswith("/"):
            raise ValueError("the path in the container must be absolute")
        if self.kind == "bind" and not self.source.startswith("/"):
            raise ValueError("the path on the machine must be absolute")
        if ":" in self.source + self.target:
            raise ValueError("a path with a colon cannot be told to the engine")
        if self.kind == "volume" and not _NAME.fullmatch(self.source):
            raise ValueError("a volume's name holds letters, digits, dots, dashes and underscores alone")

    @property
    def specification(self) -> str:
        """As the engine takes it among its binds."""
        options = ",".join((*self.options, *(() if self.writable else ("ro",))))
        return ":".join(part for part in (self.source, self.target, options) if part)

    def as_mount(self) -> dict[str, Any]:
        """As the engine takes it among its mounts."""
        mount: dict[str, Any] = {"Type": self.kind, "Target": self.target, "ReadOnly": not self.writable}
        if self.source:
            mount["Source"] = self.source
        if self.propagation:
            mount["BindOptions"] = {"Propagation": self.propagation}
        return mount


def of_volume(text: str) -> Volume:
    """Of ``-v``: ``TARGET``, ``SOURCE:TARGET`` or ``SOURCE:TARGET:OPTIONS``.

    Raises:
        ValueError: it makes no sense.
    """
    source, separator, rest = text.partition(":")
    if not separator:
        return Volume("volume", "", source)
    target, _, said = rest.partition(":")
    options = tuple(option for option in said.split(",") if option not in {"", "ro", "rw"})
    kind: Literal["bind", "volume"] = "bind" if source.startswith(("/", ".", "~")) else "volume"
    return Volume(kind, source, target, "ro" not in said.split(","), options)


def of_tmpfs(text: str) -> Volume:
    """Of ``--tmpfs``: ``TARGET`` or ``TARGET:OPTIONS``.

    Raises:
        ValueError: it makes no sense.
    """
    target, _, said = text.partition(":")
    return Volume("tmpfs", "", target, options=tuple(option for option in said.split(",") if option))


def of_mount(text: str) -> Volume:
    """Of ``--mount``: ``type=bind,source=…,target=…,readonly`` and so on.

    Raises:
        ValueError: it makes no sense, or asks for what is not known here.
    """
    given: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        given[_NAMES.get(name, name)] = value
    kind = given.pop("type", "volume")
    source, target = given.pop("source", ""), given.pop("target", "")
    writable = given.pop("readonly", "false").lower() not in _FLAGS
    propagation = given.pop("bind-propagation", "")
    options = []
    if kind == "tmpfs":
        options = [f"{name[6:]}={given.pop(name)}" for name in ("tmpfs-size", "tmpfs-mode") if name in given]
    if given:
        raise ValueError(f"{next(iter(given)) or 'an empty part'} is not known for a mount of type {kind}")
    if kind not in {"bind", "volume", "tmpfs"}:
        raise ValueError("the type must be bind, volume or tmpfs")
    return Volume(kind, source, target, writable, tuple(options), propagation)  # type: ignore[arg-type]
