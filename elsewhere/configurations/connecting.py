"""A script's configuration comes to its task, and the task's to the script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elsewhere.configurations.file import lay_down, read_file
from elsewhere.configurations.likeness import alike
from elsewhere.configurations.reading import as_value
from elsewhere.configurations.text import encode_value
from elsewhere.contract.errors import ParameterError, UsageError
from elsewhere.contract.write import ConfigurationSet, check_size
from elsewhere.notice import say

if TYPE_CHECKING:
    from elsewhere.place import Place

USUAL_NAME = "General"


def checked_name(name: str | None) -> str:
    """``name``, or the usual one.

    Raises:
        UsageError: it is no text, or a blank one.
    """
    if name is None:
        return USUAL_NAME
    if not isinstance(name, str) or not name.strip() or "\n" in name:
        raise UsageError(f"a configuration cannot be named {name!r:.100}", "Name it by a line of text.")
    return name


def written(name: str, configuration: Any, description: str) -> ConfigurationSet:
    """The configuration that a script gives, read now.

    Raises:
        UsageError: it is no dict, list or path, or one that cannot be kept; the message says why.
    """
    if isinstance(configuration, (dict, list)):
        data, suffix = encode_value(name, configuration), ".json"
    elif isinstance(configuration, (str, Path)):
        data, suffix = read_file(name, configuration), Path(configuration).suffix
    else:
        raise _no_configuration(name, configuration)
    check_size(name, len(data))
    return ConfigurationSet(name, data, suffix, description)


def replaced(kept: ConfigurationSet, own: Any) -> Any:
    """``kept`` in place of the script's ``own``: the same dict or list with what was kept in it; or a
    path, of the same kind and name, of a file with the bytes that were kept.

    Raises:
        ParameterError: a list was kept for a dict, or the other way round, or what cannot be read.
        MissingDependency: nothing here reads the format that it was kept in.
    """
    if isinstance(own, (str, Path)):
        return lay_down(kept.data, own)
    if not isinstance(own, (dict, list)):
        raise _no_configuration(kept.name, own)
    value = alike(as_value(kept), own)
    if isinstance(own, dict) and isinstance(value, dict):
        own.clear()
        own.update(value)
    elif isinstance(own, list) and isinstance(value, list):
        own[:] = value
    else:
        raise ParameterError(
            f"the configuration {kept.name!r} holds a {type(value).__name__}, and the script has a"
            f" {type(own).__name__} there",
            "Correct what the task holds.",
        )
    return own


def connect(
    place: Place, configuration: Any, name: str, description: str, own: dict[str, Any], *, ignore_kept: bool
) -> Any:
    """What the script is to go on with.

    Args:
        place: the task.
        configuration: what the script has.
        name: the configuration's name.
        description: what it is, in words.
        own: what this script itself has kept, by name: it is added to. In an attempt that is no
            reason to lay it over what comes next.
        ignore_kept: Go on with the script's own in an attempt, too.

    Raises:
        UsageError: as ``written``.
        ParameterError: as ``replaced``.
        ServerUnreachable: nobody can say what the task holds.
    """
    if place.given and not ignore_kept and name not in own:
        kept = place.configuration(name)
        if kept is not None:
            return replaced(kept, configuration)
    place.write(written(name, configuration, description))
    if name in own and own[name] is not configuration and own[name] != configuration:
        _tell_of_two(name)
    own[name] = configuration
    return configuration


def _tell_of_two(name: str) -> None:
    # In an attempt both of them would be filled with what the second one was.
    say(
        f"a second configuration is named {name!r}, and takes the place of the first:"
        " tell them apart by connect_configuration(…, name=…)"
    )


def _no_configuration(name: str, configuration: object) -> UsageError:
    return UsageError(
        f"the configuration {name!r} is a {type(configuration).__name__}",
        "Connect a dict, a list, or the path of a file; other mappings as dict(…).",
    )
