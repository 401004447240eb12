"""TOML files of a tree, which anybody may have written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from elsewhere.contract.errors import BuildError


def read_toml(path: Path, name: str = "") -> dict[str, Any]:
    """What the file holds.

    Raises:
        BuildError: it is not there, or not valid TOML; the message calls it ``name``.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    name = name or path.name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildError(f"{name} cannot be read: {error.strerror}", "Is it in the repository?") from error
    except ValueError as error:
        raise BuildError(f"{name} is not valid TOML: {error}", "Correct the file.") from error


def table(data: Any, *keys: str) -> dict[str, Any]:
    """The table at ``keys`` of what a file holds; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def texts(value: Any) -> list[str]:
    """The texts in a list of a file; empty where there is none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
