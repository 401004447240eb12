"""What a run writes about its own task while it runs: one at a time, in order, at a desk or in an attempt.

A write is a value, so that it can wait on disk, cross a socket or stand in a folder before it comes
to the store; :func:`elsewhere.store.deliver.deliver` brings it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Union

from elsewhere.contract.codec import decode, encode
from elsewhere.contract.edit import Edit
from elsewhere.contract.errors import SchemaError, UsageError
from elsewhere.contract.events import EventKind
from elsewhere.contract.value import Parameters

LONGEST_CONFIGURATION: Final = 8 * 1024 * 1024
"""Bytes. What is larger is data, and belongs into an artifact."""


@dataclass(frozen=True)
class ParametersSet:
    """Parameters to merge into the task's."""

    parameters: Parameters
    by_hand: tuple[str, ...] = ()
    """Names among them that somebody set over what the script says: they are overrides from now on."""


@dataclass(frozen=True)
class ParametersReplaced:
    """Parameters to take the place of all that the task has, its overrides included."""

    parameters: Parameters
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParametersDeleted:
    """Names of parameters to drop."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Edited:
    """Changes to what is known of the task."""

    edit: Edit


@dataclass(frozen=True)
class ConfigurationSet:
    """A configuration under its name, whole."""

    name: str
    data: bytes = field(repr=False)
    suffix: str = ".json"
    """Of the file that it came from, such as ``.yaml``; ``.json`` for a value."""
    description: str = ""


@dataclass(frozen=True)
class ConfigurationDeleted:
    """The name of a configuration to drop."""

    name: str


@dataclass(frozen=True)
class Happened:
    """An event of the task."""

    kind: EventKind
    detail: str = ""


Write = Union[
    ParametersSet,
    ParametersReplaced,
    ParametersDeleted,
    Edited,
    ConfigurationSet,
    ConfigurationDeleted,
    Happened,
]
"""One change to the task."""

_KINDS: Final[dict[str, type[Write]]] = {
    kind.__name__: kind
    for kind in (
        ParametersSet,
        ParametersReplaced,
        ParametersDeleted,
        Edited,
        ConfigurationSet,
        ConfigurationDeleted,
        Happened,
    )
}


@dataclass(frozen=True)
class _Configuration:
    name: str
    suffix: str
    description: str


def check_size(name: str, size: int) -> None:
    """Refuse the configuration ``name`` where its ``size``, in bytes, is over what one may have.

    Raises:
        UsageError: it is over 8 MiB.
    """
    if size > LONGEST_CONFIGURATION:
        raise UsageError(
            f"the configuration {name!r} has {size:,} bytes, over the limit of {LONGEST_CONFIGURATION:,}",
            "Keep it in a file of the repository, or upload it as an artifact.",
        )


def encode_write(write: Write) -> bytes:
    """A write as bytes: its kind and JSON on one line each, then the bytes of a configuration.

    Raises:
        SchemaError: a value that cannot be stored; the message names it.
        UsageError: a configuration over 8 MiB.
    """
    data: bytes = b""
    about: object = write
    if isinstance(write, ConfigurationSet):
        check_size(write.name, len(write.data))
        data, about = write.data, _Configuration(write.name, write.suffix, write.description)
    try:
        return f"{type(write).__name__}\n{encode(about)}\n".encode() + data
    except UnicodeEncodeError as error:
        raise SchemaError(
            f"{type(write).__name__}: {error.object[error.start : error.end]!r} is half a character only",
            "Leave it out: a text with it can be stored nowhere.",
        ) from error


def decode_write(data: bytes) -> Write:
    """What ``encode_write`` made of a write.

    Raises:
        SchemaError: it is none that this version knows.
    """
    name, _, rest = data.partition(b"\n")
    text, _, payload = rest.partition(b"\n")
    kind = _KINDS.get(name.decode("utf-8", "replace"))
    if kind is None:
        raise SchemaError(f"a write of an unknown kind: {name!r:.60}")
    if kind is ConfigurationSet:
        about = decode(_Configuration, text)
        return ConfigurationSet(about.name, payload, about.suffix, about.description)
    return decode(kind, text)
