"""What may be changed of a task by hand, at one moment; what is None stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elsewhere.contract.spec import Blob, TaskSpec
from elsewhere.contract.value import JSONValue

ARCHIVED = "archived"
"""The system tag of tasks that lists leave out."""


@dataclass(frozen=True)
class Property:
    """A note on a task by its user: never part of what runs, editable at any status."""

    value: JSONValue
    type: str = ""
    """What the value is, in a word, such as ``int``; "" where nobody said."""
    description: str = ""


@dataclass(frozen=True)
class ParameterInfo:
    """What is known of a parameter beside its value."""

    type: str = ""
    """The Python type that the value had, such as ``tuple`` or ``pathlib.Path``; "" for JSON's own."""
    description: str = ""
    choices: tuple[str, ...] = ()
    reassigned: bool = False
    """Whether the script itself changed the value after it had connected it. The value is then what
    it came to, and no start for another run of the script, unless somebody sets it by hand."""


@dataclass(frozen=True)
class Configuration:
    """A configuration that the script reads as a whole: the bytes of a file, or of a value as JSON."""

    blob: Blob
    suffix: str = ".json"
    """Of the file that it came from, such as ``.yaml``."""
    description: str = ""


@dataclass(frozen=True)
class Edit:
    """Changes to a task, made together or not at all.

    ``tags`` replaces; then ``remove_tags`` go and ``add_tags`` come, so that edits made at the
    same time by several people all count. What is removed and added at once is there afterwards.
    """

    name: str | None = None
    project: str | None = None
    comment: str | None = None
    type: str | None = None
    parent: str | None = None
    """Id of the task that this one came of; "" for none."""
    progress: float | None = None
    """Percent, 0 to 100."""
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    add_system_tags: tuple[str, ...] = ()
    remove_system_tags: tuple[str, ...] = ()
    properties: Mapping[str, Property] = field(default_factory=dict)
    """Merged by name."""
    remove_properties: tuple[str, ...] = ()
    parameter_info: Mapping[str, ParameterInfo] = field(default_factory=dict)
    """Merged by name."""
    spec: TaskSpec | None = None
    """Of a draft only: what is accepted runs as it was accepted."""
