"""What a configuration says, whichever format it was written in."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

from elsewhere.contract.errors import MissingDependency, ParameterError

if TYPE_CHECKING:
    from elsewhere.contract.write import ConfigurationSet

_YAML = (".yaml", ".yml")
_TOML = (".toml",)


def as_text(kept: ConfigurationSet) -> str:
    """Its text. Bytes that are no UTF-8 are kept in it as Python does with names of files."""
    return kept.data.decode("utf-8", "surrogateescape")


def as_value(kept: ConfigurationSet) -> dict[Any, Any] | list[Any]:
    """The dict or list that it says: TOML and YAML by the suffix, all else is taken for JSON.

    Raises:
        ParameterError: it is none of them, or is neither dict nor list.
        MissingDependency: nothing here reads its format.
    """
    try:
        value = _parsed(kept)
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            f"the configuration {kept.name!r} cannot be understood: {error}",
            "Correct it; or read its text by get_configuration_object, and parse that.",
        ) from None
    if not isinstance(value, (dict, list)):
        raise ParameterError(
            f"the configuration {kept.name!r} holds neither a dict nor a list but {value!r:.60}",
            "Read its text by get_configuration_object.",
        )
    return value


def _parsed(kept: ConfigurationSet) -> Any:
    suffix = kept.suffix.lower()
    text = kept.data.decode("utf-8-sig")
    if suffix in _YAML:
        return _yaml(kept.name, text)
    if suffix in _TOML:
        return _toml(kept.name, text)
    return json.loads(text)


def _yaml(name: str, text: str) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")  # the script's own, where it has one
    except ModuleNotFoundError:
        raise _unreadable(name, "YAML", "pyyaml") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(error) from error


def _toml(name: str, text: str) -> Any:
    for module in ("tomllib", "tomli"):  # Python 3.10 has the second only, and not always
        try:
            return importlib.import_module(module).loads(text)
        except ModuleNotFoundError:
            continue
    raise _unreadable(name, "TOML", "tomli")


def _unreadable(name: str, language: str, package: str) -> MissingDependency:
    return MissingDependency(
        f"the configuration {name!r} is {language}, which nothing here reads",
        f"Install {package}; or read its text by get_configuration_object, and parse that.",
    )
